/** The longest timer of Node, in ms: a longer one would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1
