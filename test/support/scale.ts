import { pausedSince, watchPauses } from './pauses.js'

/** `npm test` scales the durations of a fault down and keeps the fault real; `npm run test:faults` runs the real ones. */
export const realDurations = process.env['FAULTS'] === 'real'

/** @param realMs the duration of the fault table. @param quickMs what stands for it in `npm test`. */
export function duration(realMs: number, quickMs: number): number {
  return realDurations ? realMs : quickMs
}

/**
 * An upper bound of the fault table on something that takes wall-clock time: to the letter in `npm run test:faults`,
 * four times as much in `npm test`, where every core is busy with other tests.
 */
export function bound(realMs: number): number {
  return realDurations ? realMs : realMs * 4
}

if (realDurations) watchPauses()

/**
 * How long it is since then, for a bound: without the time in which the whole machine stood still, where bounds are to
 * the letter.
 *
 * @param since by `performance.now()`
 */
export function elapsed(since: number): number {
  return performance.now() - since - (realDurations ? pausedSince(since) : 0)
}

/**
 * Of a long list of cases, the part that `npm test` tries: every `step`th, from the `first`; `npm run test:faults` tries
 * all of them.
 */
export function sample<T>(cases: readonly T[], step: number, first = 0): readonly T[] {
  return realDurations ? cases : cases.filter((_, index) => index % step === first % step)
}
