import type { ConfigReport } from './config-report.js'
import type { EjectedReport, InstanceFacts, ServiceReport } from './service-report.js'
import type { EventsReport, HookReport, ResourceReport, TimerReport } from './work-report.js'

/**
 * What `/_sidecar/status.json` holds. Fields are added, and never change their meaning, as long as `version` is the same.
 * Secrets are masked. Times are texts, ISO 8601 in UTC; durations are milliseconds.
 */
export interface StatusReport {
  readonly version: 1
  readonly at: string
  readonly application?: string | undefined
  readonly process: ProcessReport
  readonly phase: 'starting' | 'serving' | 'leaving' | 'left'
  readonly registration: RegistrationReport
  /** The registry for services; a second one if documents come from another. */
  readonly registries: readonly RegistryReport[]
  readonly services: readonly ServiceReport[]
  /** The instances of all services that get no calls at the moment, and why. */
  readonly ejected: readonly EjectedReport[]
  readonly operations: readonly OperationReport[]
  readonly config: ConfigReport
  readonly hooks: readonly HookReport[]
  readonly resources: readonly ResourceReport[]
  /** The timers of `sidecar.timer`; at most 500. */
  readonly timers: readonly TimerReport[]
  /** Events between services, of each bus; none without one. At most 500 handlers of each. */
  readonly events: readonly EventsReport[]
  readonly alerts: AlertsReport
  readonly guard: GuardReport
  readonly connections: ConnectionsReport
  /** The last lines of the sidecar's log, oldest first. */
  readonly log: readonly LogLineReport[]
}

export interface ProcessReport {
  readonly pid: number
  readonly node: string
  readonly startedAt: string
  readonly production: boolean
  readonly profiles: readonly string[]
}

export interface RegistrationReport {
  /** `false`: the settings want no instance registered. */
  readonly registers: boolean
  readonly phase: 'idle' | 'registering' | 'registered' | 'leaving' | 'left'
  /** The registry lists it, as far as this process knows. */
  readonly registered: boolean
  /** As it is registered, or will be; absent before the app listens. */
  readonly instance?:
    (InstanceFacts & { readonly namespace: string; readonly group: string; readonly service: string }) | undefined
  /** Why this address. */
  readonly addressReason?: string | undefined
  /** `listen`, `request` or `manual`: `sidecar.register-on`. */
  readonly registerOn: string
  readonly heartbeat: HeartbeatReport
}

export interface HeartbeatReport {
  /** `connection`: the instance lives by its gRPC connection, and sends no heartbeats. */
  readonly by: 'heartbeat' | 'connection'
  readonly intervalMs: number
  readonly lastAt?: string | undefined
  readonly ageMs?: number | undefined
  /** Requests of the registration that failed in a row. */
  readonly failures: number
  readonly lastError?: string | undefined
}

export interface RegistryReport {
  /** The address in use now, `host:port`, and all that are known. */
  readonly server: string
  readonly servers: readonly string[]
  /** The address server that names them. */
  readonly addressServer?: string | undefined
  /** `http v1`, `http v3`, `grpc`, `nacos-sdk`; `http ?` before the first answer. */
  readonly protocol: string
  /** The last request got an answer. */
  readonly connected: boolean
  /** Why this protocol. */
  readonly reason?: string | undefined
  /** How changes arrive, and why not otherwise. */
  readonly updates?: string | undefined
  readonly by?: 'push' | 'poll' | undefined
  /** Lists hold the instances of these clusters only. */
  readonly clusters?: readonly string[] | undefined
  readonly uses: readonly ('services' | 'config')[]
  readonly namespace: string
}

export interface OperationReport {
  /** As in `sidecar.stats()`: `server`, `client`, `resolve`, `config`, `auth`, `timer`, `custom`. */
  readonly kind: string
  readonly name: string
  readonly count: number
  readonly errors: number
  readonly attempts: number
  /** Within about the last ten seconds in which this report was asked for; at the first time since the start. */
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** The code or status of the last failure that is kept as an example. */
  readonly lastError?: string | undefined
}

export interface AlertsReport {
  /** Without a webhook nothing is watched. */
  readonly enabled: boolean
  readonly rules: readonly string[]
  /** Conditions of now; `raised`: it was reported. */
  readonly current: readonly (AlertFacts & { readonly raised: boolean })[]
  /** The last reports, oldest first. */
  readonly recent: readonly (AlertFacts & { readonly status: 'raised' | 'resolved'; readonly at: string })[]
}

export interface AlertFacts {
  readonly rule: string
  readonly subject: string
  readonly message: string
  readonly since: string
}

export interface GuardReport {
  /** `auth.enabled` */
  readonly enabled: boolean
  readonly mount: 'first' | 'manual'
  /** The service that decides on tokens, or `verify` for a function of the app. */
  readonly decidedBy?: string | undefined
  readonly excludePaths: readonly string[]
  readonly failOpen: boolean
  readonly cacheTtlMs: number
  readonly maxPending: number
  readonly counts: {
    /** Cached decisions, about, and the bytes that they take. */
    readonly permits: number
    readonly refusals: number
    readonly bytes: number
    /** Token checks under way. */
    readonly pending: number
  }
}

export interface ConnectionsReport {
  /** Of the app's own servers. */
  readonly incoming: { readonly open: number; readonly answering: number; readonly upgraded: number }
  /** Of calls to other services, by address. */
  readonly outgoing: readonly OutgoingReport[]
  /** `management.server.port` */
  readonly managementPort?: number | undefined
}

export interface OutgoingReport {
  readonly origin: string
  /** Open sockets, and those that a request uses. */
  readonly open: number
  readonly inUse: number
  /** Streams without an end. */
  readonly streams: number
  /** Attempts that wait for a free connection. */
  readonly waiting: number
  readonly limit: number
}

export interface LogLineReport {
  readonly time: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
}
