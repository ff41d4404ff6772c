const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Settles at the first SIGINT or SIGTERM; the second ends the process at once, as by default. Until then it holds the process. */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    // Without a registry nothing else may be left to wait for.
    const held = setInterval(() => {}, LONGEST_TIMER_MS)
    const done = () => {
      clearInterval(held)
      process.off('SIGINT', done)
      process.off('SIGTERM', done)
      resolve()
    }
    process.on('SIGINT', done)
    process.on('SIGTERM', done)
  })
}
