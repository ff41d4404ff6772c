import type { ServiceInstance } from '../types.js'

/** How one call to an instance ended, as the balancer and the ejector want to know it. */
export type Outcome = 'ok' | 'failed' | 'never-connected' | 'aborted'

/** One instance in a balancer's list. Made once per list, not per call, so that a pick allocates nothing. */
export interface Endpoint {
  readonly instance: ServiceInstance
  /** Tells the balancer how the call ended. Every pick is followed by exactly one `done`. */
  done(outcome: Outcome): void
}

/** Hints of a call that steer its pick. */
export interface PickHint {
  /** Endpoints this call has tried already. */
  readonly exclude?: ReadonlySet<ServiceInstance> | undefined
  /** Key for consistent hashing. */
  readonly hashKey?: string | undefined
  /** Instances of this version are preferred. A balancer need not look: it is given the right list. */
  readonly version?: string | undefined
}

/** Chooses an endpoint from one immutable list of instances. */
export interface Balancer {
  /** `undefined` where every endpoint is excluded or the list is empty. */
  pick(hint?: PickHint): Endpoint | undefined
}

/** What a balancer may want to know of the process it runs in. */
export interface BalancerContext {
  /** Nacos cluster of this process: `cloud.nacos.discovery.cluster-name`. */
  readonly cluster: string
}

/**
 * Makes a balancer for a new list. `previous` is the balancer of the list before it, so that a rotation
 * goes on instead of starting over at each update; `undefined` for the first list.
 */
export type BalancerFactory = (
  instances: readonly ServiceInstance[],
  previous: Balancer | undefined,
  context: BalancerContext,
) => Balancer
