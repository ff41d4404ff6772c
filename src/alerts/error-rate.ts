import type { RateRule } from '../settings/alert-rule.js'

/** Counts since the start. */
export interface RequestCounts {
  readonly requests: number
  /** Answered with 5xx, or not at all. */
  readonly errors: number
}

/** Parts of a window: how exactly "over a time" is taken. */
const PARTS = 12
/** With fewer requests in a window a single one would decide. */
const MIN_REQUESTS = 20

/** Watches the share of failed requests over a sliding window. @returns a function that ends it */
export function watchErrorRate(
  { share, windowMs }: RateRule,
  counts: () => RequestCounts,
  onRate: (above: boolean, text: string) => void,
): () => void {
  const past: RequestCounts[] = [{ requests: 0, errors: 0 }]
  const timer = setInterval(() => {
    const now = counts()
    const { requests, errors } = past[0]!
    const total = now.requests - requests
    const failed = now.errors - errors
    if (past.push(now) > PARTS) past.shift()
    const above = total >= MIN_REQUESTS && failed / total > share
    const percent = total === 0 ? 0 : (failed / total) * 100
    onRate(above, `${failed} of ${total} requests (${percent.toFixed(1)}%) failed`)
  }, windowMs / PARTS)
  timer.unref()
  return () => clearInterval(timer)
}
