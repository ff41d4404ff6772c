import { LONGEST_TIMER_MS } from '../util/longest-timer.js'

/** A time limit as it is compared: none is `Infinity`. 0 means none, as in Java, and so does one beyond timers. */
export function timeLimit(ms: number): number {
  return ms > 0 && ms <= LONGEST_TIMER_MS ? ms : Infinity
}
