// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** The settings below `feign.client.<name>`. */
export interface FeignClientSettings {
  /** Fixed base URL; discovery is not used. `NACOS_SIDECAR_OVERRIDE_<name>` in the environment sets it too. */
  readonly url?: string | undefined
  /**
   * Deadline of one connection attempt; then the call goes to the next instance.
   * @default 2s
   */
  readonly connectTimeout?: number | undefined
  /**
   * Limit of connections to one instance, shared by typed clients, `sidecar.fetch` and undici. If all are in use, calls
   * wait; if none becomes free within `connect-timeout`, they go to the next instance. Answers of type
   * `text/event-stream` are counted separately.
   * @default 128
   */
  readonly maxConnections?: number | undefined
  /**
   * Longest silence while a call waits for its answer.
   * @default 60s
   */
  readonly readTimeout?: number | undefined
  /** Deadline of one attempt with its connection and its whole answer; replaces `read-timeout`. */
  readonly attemptTimeout?: number | undefined
  /** Deadline of the whole call with all its attempts. */
  readonly timeout?: number | undefined
  /**
   * Number of attempts after the first, for idempotent calls.
   * @default 1
   */
  readonly retry?: number | undefined
  /** Headers sent with every call. */
  readonly headers?:
    | {
        readonly [name: string]: string
      }
    | undefined
  /** `round-robin`, `random`, `least-pending`, `consistent-hash`, `same-cluster-first`, or a registered one. */
  readonly balancer?: string | undefined
  /** Key of `consistent-hash`: `path:id`, `query:user` or `header:x-user`. */
  readonly hashBy?: string | undefined
  /** Metadata that an instance must have to be called. */
  readonly filter?:
    | {
        readonly [name: string]: string
      }
    | undefined
  /** Version (metadata `version`) of the instances to call, unless the incoming request asks for another. */
  readonly version?: string | undefined
  /**
   * A circuit breaker for the service.
   * @default none
   */
  readonly breaker?:
    | {
        /**
         * `false` switches off the breaker that `default` configures.
         * @default true
         */
        readonly enabled: boolean
        /**
         * Consecutive failed calls (no answer, or 5xx) that open the circuit.
         * @default 10
         */
        readonly failures: number
        /**
         * How long an open circuit refuses calls before it lets one call through as a trial.
         * @default 10s
         */
        readonly openFor: number
      }
    | undefined
  /** `true` sends the caller's token and trace to a fixed `url` too. */
  readonly forwardContext?: boolean | undefined
}
