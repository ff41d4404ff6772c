import { flag, integer, list, positiveMs, section } from '../kinds.js'

/** `sidecar.observe`: figures by operation. Each of these is read live: a change in Nacos applies without a restart. */
export const observe = section({
  /** `true` keeps figures by operation: `sidecar.stats()` and the event `period`. */
  enabled: flag.default(true),
  /** Time between two events `period`, each with the figures since the one before. */
  period: positiveMs.default(60_000),
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
})
