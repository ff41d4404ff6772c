import { durationMs, flag, integer, section, stringMap, text } from '../kinds.js'

const breaker = section({
  /** `false` switches off the breaker that `default` configures. @default true */
  enabled: flag.default(true),
  /** Consecutive failed calls (no answer, or 5xx) that open the circuit. @default 10 */
  failures: integer(1, 100_000).default(10),
  /** How long an open circuit refuses calls before it lets one call through as a trial. @default 10s */
  openFor: durationMs.default(10_000),
})

/** `feign.client.<name>`: calls to one service; `feign.client.default`: calls to every service. */
export const feignClient = section({
  /** Fixed base URL; discovery is not used. `NACOS_SIDECAR_OVERRIDE_<name>` in the environment sets it too. */
  url: text.optional(),
  /** Deadline of one connection attempt; then the call goes to the next instance. @default 2s */
  connectTimeout: durationMs.optional(),
  /**
   * Limit of connections to one instance, shared by typed clients, `sidecar.fetch` and undici. If all are in use, calls
   * wait; if none becomes free within `connect-timeout`, they go to the next instance. Answers of type
   * `text/event-stream` are counted separately. @default 128
   */
  maxConnections: integer(1, 100_000).optional(),
  /** Longest silence while a call waits for its answer. @default 60s */
  readTimeout: durationMs.optional(),
  /** Deadline of one attempt with its connection and its whole answer; replaces `read-timeout`. */
  attemptTimeout: durationMs.optional(),
  /** Deadline of the whole call with all its attempts. */
  timeout: durationMs.optional(),
  /** Number of attempts after the first, for idempotent calls. @default 1 */
  retry: integer(0, 10).optional(),
  /** Headers sent with every call. */
  headers: stringMap.optional(),
  /** `round-robin`, `random`, `least-pending`, `consistent-hash`, `same-cluster-first`, or a registered one. */
  balancer: text.optional(),
  /** Key of `consistent-hash`: `path:id`, `query:user` or `header:x-user`. */
  hashBy: text.optional(),
  /** Metadata that an instance must have to be called. */
  filter: stringMap.optional(),
  /** Version (metadata `version`) of the instances to call, unless the incoming request asks for another. */
  version: text.optional(),
  /** A circuit breaker for the service. @default none */
  breaker: breaker.optional(),
  /** `true` sends the caller's token and trace to a fixed `url` too. */
  forwardContext: flag.optional(),
})
