import { baseUrl, durationMs, flag, integer, list, section, text } from '../kinds.js'

/** `sidecar.observe`: figures by operation. All but `report` are read live: a change in Nacos applies without a restart. */
export const observe = section({
  /** `true` keeps figures by operation: `sidecar.stats()` and the event `period`. */
  enabled: flag.default(true),
  /** Time between two events `period`, each with the figures since the one before; at least 50 ms. */
  period: durationMs.refine((ms) => ms >= 50, 'expected a duration of at least 50ms').default(60_000),
  /** Limit of names of operations, all kinds together; operations with further names count as `other`. */
  maxNames: integer(10, 100_000).default(1_000),
  /** How many of the first operations of a name are kept as examples, for each period. */
  maxSamples: integer(0, 1_000).default(1),
  /** The same for the first operations that failed. */
  maxErrors: integer(0, 1_000).default(10),
  /** Longest text in an example, in characters; the rest is cut off. */
  maxTagLength: integer(1, 65_536).default(1_024),
  /** Names of operations without figures; `*` stands for any text: `GET /actuator/*`, `resolve *`. */
  excludes: list.default([]),
  /** HTTP statuses and codes of errors that are no failure: `404`, `SIDECAR_CIRCUIT_OPEN`. */
  expected: list.default([]),
  /** `true` writes a line to the log for each request that was served or refused, whatever the level of the log is. */
  accessLog: flag.default(false),
  /** Paths without a line in the access log; `*` stands for any text. @default /health, /actuator, /actuator/*, /_sidecar, /_sidecar/* */
  accessLogExcludes: list.default(['/health', '/actuator', '/actuator/*', '/_sidecar', '/_sidecar/*']),
  report: section({
    /**
     * Base URL of a collector that takes figures over the HTTP API of Stardust; each period is sent there. Read at the start.
     * @default none
     */
    url: baseUrl.optional(),
    /** Name of this application at the collector. @default the value of `application.name` */
    appId: text.optional(),
    /** Secret of this application; sent only in the body of the login. */
    secret: text.optional(),
  }).prefault({}),
})
