/** Growing, jittered pauses between attempts. */
export interface Backoff {
  /** Length of the next pause. */
  nextMs(): number
  /** An attempt succeeded: start over. */
  reset(): void
}

export interface BackoffOptions {
  /** Also the least pause, so that a failing registry sees no more than one request in this time. @default 1000 */
  readonly firstMs?: number
  /** Longest pause; with the attempt itself it stays below the 5 s a returned registry has to wait. @default 4000 */
  readonly capMs?: number
  readonly random?: () => number
}

/**
 * Doubles from `firstMs` to `capMs`. The jitter spreads a fleet that lost its registry at the same moment.
 *
 * @example
 * const backoff = createBackoff()
 * backoff.nextMs() // 1000–2000, then 2000–4000
 */
export function createBackoff({ firstMs = 1000, capMs = 4000, random = Math.random }: BackoffOptions = {}): Backoff {
  let ceiling = firstMs
  return {
    nextMs() {
      ceiling = Math.min(capMs, ceiling * 2)
      const floor = Math.max(firstMs, ceiling / 2)
      return Math.min(capMs, floor + random() * (ceiling - floor))
    },
    reset: () => void (ceiling = firstMs),
  }
}
