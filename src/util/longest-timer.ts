/** The longest timer of Node, in ms: a longer one would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A time limit as it is compared: none is `Infinity`. 0 means none, as in Java, and so does one beyond timers. */
export function timeLimit(ms: number): number {
  return ms > 0 && ms <= LONGEST_TIMER_MS ? ms : Infinity
}
