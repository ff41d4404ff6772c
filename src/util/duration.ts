import { LONGEST_TIMER_MS } from './longest-timer.js'

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*$/i
const ISO_DURATION = /^\s*PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?\s*$/i

/** Milliseconds of `500`, `500ms`, `10s`, `2m`, `1h`, `1d` or Java's `PT10S`; `undefined` for any other text. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? []
  if (amount !== undefined) return Number(amount) * UNIT_MS[unit?.toLowerCase() ?? 'ms']!
  const iso = ISO_DURATION.exec(text)
  if (!iso) return undefined
  const [hours, minutes, seconds] = [iso[1], iso[2], iso[3]].map((part) => Number(part ?? 0))
  return hours! * 3_600_000 + minutes! * 60_000 + seconds! * 1000
}

/** Milliseconds of an option that is a duration above 0: `500`, `'10s'`; `undefined` for anything else. */
export function durationOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? parseDuration(value) : value
  return typeof ms === 'number' && ms > 0 ? ms : undefined
}

/**
 * A time limit as an option gives it. One that is longer than any timer is as long as the longest one.
 *
 * @param what names the option in the error
 * @param fallback where it is not given
 * @throws what `invalid` makes
 */
export function timeoutOf<F>(
  what: string,
  value: unknown,
  fallback: F,
  invalid: (message: string) => Error,
): number | F {
  if (value === undefined) return fallback
  const ms = durationOf(value)
  if (ms === undefined) throw invalid(`${what}: expected a duration above 0, such as 500, '10s' or '2m'`)
  return Math.min(ms, LONGEST_TIMER_MS)
}
