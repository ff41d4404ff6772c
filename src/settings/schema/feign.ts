import { durationMs, flag, integer, section, stringMap, text } from '../kinds.js'

const breaker = section({
  /** `false` switches off what `default` says. @default true */
  enabled: flag.default(true),
  /** Failed calls in a row (no answer, or 5xx) that open the circuit. @default 10 */
  failures: integer(1, 100_000).default(10),
  /** How long an open circuit refuses calls before one is let through to try. @default 10s */
  openFor: durationMs.default(10_000),
})

/** `feign.client.<name>`: calls of one service, or of all under `default`. */
export const feignClient = section({
  /** A fixed base URL: no discovery. `NACOS_SIDECAR_OVERRIDE_<name>` in the environment sets it too. */
  url: text.optional(),
  /** Deadline of one connection attempt; then the next instance. @default 2s */
  connectTimeout: durationMs.optional(),
  /**
   * Connections to one instance, shared by typed clients, `sidecar.fetch` and undici. Where all are in use, calls wait;
   * where none becomes free within `connect-timeout`, they go to the next instance. Answers of type `text/event-stream`
   * are counted apart. @default 128
   */
  maxConnections: integer(1, 100_000).optional(),
  /** Longest silence while waiting for an answer. @default 60s */
  readTimeout: durationMs.optional(),
  /** Deadline of one attempt, its connection and its whole answer included, in place of `read-timeout`. */
  attemptTimeout: durationMs.optional(),
  /** Deadline of the whole call, every attempt included. */
  timeout: durationMs.optional(),
  /** Further attempts after the first, for idempotent calls. @default 1 */
  retry: integer(0, 10).optional(),
  /** Sent with every call. */
  headers: stringMap.optional(),
  /** `round-robin`, `random`, `least-pending`, `consistent-hash`, `same-cluster-first`, or a registered one. */
  balancer: text.optional(),
  /** What `consistent-hash` goes by: `path:id`, `query:user` or `header:x-user`. */
  hashBy: text.optional(),
  /** Metadata an instance must have to be called. */
  filter: stringMap.optional(),
  /** Version (metadata `version`) of the instances to call, unless the request being handled asks for another. */
  version: text.optional(),
  /** A circuit breaker for the service. @default none */
  breaker: breaker.optional(),
  /** Sends the caller's token and trace to a fixed `url` as well. */
  forwardContext: flag.optional(),
})
