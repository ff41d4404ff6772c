export interface ServiceReport {
  readonly group: string
  readonly service: string
  /** Listed by the registry, and those of them that may be called. */
  readonly instances: number
  readonly callable: number
  readonly by: 'push' | 'poll'
  /** `snapshot`: the list of an earlier run. */
  readonly from: 'registry' | 'snapshot'
  /** The registry lists none any more; the last list stays until that is confirmed. */
  readonly heldEmpty: boolean
  /** Questions to the registry that failed in a row. */
  readonly failures: number
  readonly lastError?: string | undefined
  /** Instances that get no calls first. */
  readonly list: readonly InstanceReport[]
  /** How many further instances are not in `list`. */
  readonly omitted: number
}

/** A service and one of its addresses. */
export interface InstanceFacts {
  readonly ip: string
  readonly port: number
  readonly weight: number
  readonly healthy: boolean
  readonly enabled: boolean
  readonly ephemeral: boolean
  readonly cluster: string
  readonly metadata: Readonly<Record<string, string>>
}

/** `probe-due`: the next call tries it; `probing`: a call is trying it; `draining`: it said that it leaves. */
export type OutState = 'ejected' | 'probe-due' | 'probing' | 'draining'

export interface InstanceReport extends InstanceFacts {
  /** `callable`, `excluded` (unhealthy, disabled, weight 0, or its address is none), or why it is out for now. */
  readonly state: 'callable' | 'excluded' | OutState
}

export interface EjectedReport {
  readonly group: string
  readonly service: string
  /** `host:port` */
  readonly instance: string
  readonly cluster: string
  readonly state: OutState
  readonly since: string
  /** When it is tried again; absent once it is. */
  readonly until?: string | undefined
  /** Failed calls in a row, and those of them that found no connection. */
  readonly failures: number
  readonly connectFailures: number
  /** How often it was ejected lately. */
  readonly ejections: number
}
