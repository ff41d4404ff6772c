export interface HookReport {
  readonly name: string
  readonly at: 'start' | 'stop'
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly error?: string | undefined
}

export interface ResourceReport {
  readonly name: string
  readonly status: 'UP' | 'DOWN'
  readonly reason?: string | undefined
  readonly error?: string | undefined
  /** Calls of `use` under way. */
  readonly uses: number
  readonly startedAt?: string | undefined
}

export interface TimerReport {
  readonly name: string
  /** `every 30s`, `0 30 2 * * * (Europe/Berlin)`. */
  readonly schedule: string
  /** `one`: it runs in one instance of the service only. */
  readonly on: 'each' | 'one'
  /** Absent before the start, and if there is no further one. */
  readonly nextAt?: string | undefined
  readonly lastBeganAt?: string | undefined
  readonly lastMs?: number | undefined
  /** Of the last run, if it failed. */
  readonly lastError?: string | undefined
  readonly running: number
  readonly runs: number
  readonly failures: number
  /** Ticks that were left out: the run before was not done, or another instance runs this timer. */
  readonly skipped: number
}

/** Events between services: one bus. */
export interface EventsReport {
  readonly broker: {
    /** Without user and password. */
    readonly url: string
    readonly connected: boolean
    readonly lastError?: string | undefined
  }
  /** Since the start, as all counts here. */
  readonly emitted: number
  readonly emitFailures: number
  readonly lastEmitError?: string | undefined
  readonly handlers: readonly EventHandlerReport[]
}

export interface EventHandlerReport {
  /** The service that emits the event, and what happened there. */
  readonly source: string
  readonly type: string
  /** `pool`: one instance of the service gets it; `singleton`: one of all services; `broadcast`: every instance. */
  readonly mode: 'pool' | 'singleton' | 'broadcast'
  readonly handler: string
  readonly queue: string
  readonly concurrency: number
  /** Events that are being handled. */
  readonly inHand: number
  readonly handled: number
  readonly failed: number
  readonly retried: number
  /** Those that went to the dead letters. */
  readonly buried: number
  readonly lastError?: string | undefined
}
