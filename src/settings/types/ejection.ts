// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** The settings below `sidecar.ejection`. */
export interface EjectionSettings {
  /** `true` ejects failing instances from the list for a while. */
  readonly enabled: boolean
  /** Consecutive failed calls (5xx, timeouts, broken connections) that eject an instance. */
  readonly failures: number
  /** Consecutive failed connection attempts that eject an instance. */
  readonly connectFailures: number
  /** Duration of the first ejection. It doubles each further time, and is shortened at random by up to a fifth. */
  readonly time: number
  /** Longest duration of an ejection. */
  readonly maxTime: number
  /** Largest share of the list that may be ejected, in percent. */
  readonly maxShare: number
  /** If ejection leaves fewer than this percentage of instances, ignore it and use them all. */
  readonly panicShare: number
}
