// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** The settings below `sidecar.observe`. */
export interface ObserveSettings {
  /** `true` keeps figures by operation: `sidecar.stats()` and the event `period`. */
  readonly enabled: boolean
  /** Time between two events `period`, each with the figures since the one before; at least 50 ms. */
  readonly period: number
  /** Limit of names of operations, all kinds together; operations with further names count as `other`. */
  readonly maxNames: number
  /** How many of the first operations of a name are kept as examples, for each period. */
  readonly maxSamples: number
  /** The same for the first operations that failed. */
  readonly maxErrors: number
  /** Longest text in an example, in characters; the rest is cut off. */
  readonly maxTagLength: number
  /** Names of operations without figures; `*` stands for any text: `GET /actuator/*`, `resolve *`. */
  readonly excludes: readonly string[]
  /** HTTP statuses and codes of errors that are no failure: `404`, `SIDECAR_CIRCUIT_OPEN`. */
  readonly expected: readonly string[]
  /** `true` writes a line to the log for each request that was served or refused, whatever the level of the log is. */
  readonly accessLog: boolean
  /**
   * Paths without a line in the access log; `*` stands for any text.
   * @default /health, /actuator, /actuator/*, /_sidecar, /_sidecar/*
   */
  readonly accessLogExcludes: readonly string[]
  readonly report: {
    /**
     * Base URL of a collector that takes figures over the HTTP API of Stardust; each period is sent there. Read at the start.
     * @default none
     */
    readonly url?: string | undefined
    /**
     * Name of this application at the collector.
     * @default the value of `application.name`
     */
    readonly appId?: string | undefined
    /** Secret of this application; sent only in the body of the login. */
    readonly secret?: string | undefined
  }
}
