import { LONGEST_TIMER_MS } from './longest-timer.js'

/**
 * Keeps the process alive until the work has settled. Timers of ours do not, and where a request waits for its turn at a
 * failing registry there is nothing else: a script that awaits it would end without its answer, and without an error.
 */
export async function holdProcess<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONGEST_TIMER_MS)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}
