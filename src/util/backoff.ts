export interface BackOff {
  /** After the first failure. */
  readonly firstMs: number
  /** However many follow. */
  readonly lastMs: number
  /** So much of it, from 0 to 1, is left to chance: what fails at the same moment must not try again at the same moment. */
  readonly spread: number
  /** @default Math.random */
  readonly random?: () => number
}

/**
 * How long to wait after `failures` in a row: twice as long each time, up to a limit, less a part that chance decides.
 *
 * @example
 * backOffMs(3, { firstMs: 1_000, lastMs: 30_000, spread: 0.5 }) // 2000 to 4000
 */
export function backOffMs(failures: number, { firstMs, lastMs, spread, random = Math.random }: BackOff): number {
  const fullMs = Math.min(lastMs, firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 30))
  return fullMs * (1 - spread + random() * spread)
}

/** A tenth more or less than `ms`, so that what is asked again and again by many is not asked by all at once. */
export function aboutMs(ms: number): number {
  return ms * (0.9 + Math.random() / 5)
}
