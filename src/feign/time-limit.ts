/** Node's timers take no longer one: they would fire at once. */
const LONGEST_MS = 2 ** 31 - 1

/** A time limit as it is compared: none is `Infinity`. 0 says none, as it does in Java, and so does one beyond timers. */
export function timeLimit(ms: number): number {
  return ms > 0 && ms <= LONGEST_MS ? ms : Infinity
}
