import type { Config } from '../config/config.js'
import type { StartContext, StopContext } from './hooks.js'

/** Options of `sidecar.provide`. */
export interface ResourceOptions<T> {
  /** Makes it from the present configuration: at the start, and again after a change of what `reload` names. */
  start(config: Config['get'], context: StartContext): T | Promise<T>
  /** Ends it, when nothing uses it any more. @default nothing is done */
  stop?(value: T, context: StopContext): unknown
  /** Ends it at once: `stop` was not done in time, or a second signal came. @default `stop` is called with `killed` */
  kill?(value: T): unknown
  /**
   * For the health pages: throws, rejects or returns `false` if it cannot be used. Called once a second at most, and
   * awaited for 2 s. @default it is UP once it is started
   */
  health?(value: T, context: { readonly signal: AbortSignal }): unknown
  /** A key of the configuration, or several: when a value at or below one of them changes, a new one is started. @default none */
  readonly reload?: string | readonly string[]
  /** `true`: `/actuator/health/readiness` answers 503 while it is DOWN. @default false */
  readonly readiness?: boolean
  /**
   * How long `start` may take, the work that still uses an old one, and `stop`: milliseconds, or text such as `'10s'`.
   * @default 30 s, 30 s and 10 s
   */
  readonly timeout?: number | string
}

/** Something the app uses for as long as it runs: a pool, a consumer, a cache. */
export interface Resource<T> {
  readonly name: string
  /**
   * The one in use. Read it anew for each use: after a change of the configuration it is another one.
   *
   * @throws SidecarError `SIDECAR_RESOURCE_UNAVAILABLE` before it is started; `SIDECAR_STOPPED` once it is being stopped
   */
  readonly value: T
  /** The first one; rejects if it cannot be started. */
  readonly ready: Promise<T>
  /**
   * Runs `work` with the one in use, which is not stopped before the promise of `work` has settled. Before the start it
   * waits for that.
   *
   * @throws SidecarError as `value` does
   * @example
   * const rows = await db.use((pool) => pool.query('select 1'))
   */
  use<R>(work: (value: T) => R | Promise<R>): Promise<R>
}

/** Where a resource stands, in `status()`. */
export interface ResourceStatus {
  readonly name: string
  readonly status: 'UP' | 'DOWN'
  /** Why it is DOWN, or `reload failed` for one that stays in use. */
  readonly reason: string | undefined
  /** The error behind the reason; secrets are masked. */
  readonly error: string | undefined
  /** How many calls of `use` are under way. */
  readonly uses: number
  /** When the one in use was started. */
  readonly startedAt: Date | undefined
}
