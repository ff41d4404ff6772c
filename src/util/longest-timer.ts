/** Node's timers take no longer one, in ms: they would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1
