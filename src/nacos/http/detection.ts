import type { Dialect } from './dialects/dialect.js'

/** Which dialect a registry speaks, found out once and again when it changes. */
export interface Detection {
  readonly current: Dialect | undefined
  /** The dialect, asking for it if it is not known; whoever asks meanwhile waits for the same answer. */
  get(): Promise<Dialect>
  /** The server no longer knows a route of `stale`: asks anew, unless someone has. */
  again(stale: Dialect): Promise<Dialect>
}

/**
 * @param fixed what the settings say; it is never asked for
 * @param ask a probe; its failure decides nothing and is not remembered
 */
export function createDetection(fixed: Dialect | undefined, ask: () => Promise<Dialect>): Detection {
  let known = fixed
  let flight: Promise<Dialect> | undefined

  const detect = () =>
    (flight ??= ask()
      .then((dialect) => (known = dialect))
      .finally(() => (flight = undefined)))

  return {
    get current() {
      return known
    },
    get: async () => known ?? detect(),
    async again(stale) {
      if (fixed) return fixed
      if (known && known !== stale) return known
      return detect()
    },
  }
}
