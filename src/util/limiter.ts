/** Runs a task as soon as fewer than `max` others run; first come, first served. */
export type Limiter = <T>(task: () => Promise<T>) => Promise<T>

/** A thousand followed services must not open a thousand sockets at once. */
export function createLimiter(max: number): Limiter {
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    if (running < max) running++
    else await new Promise<void>((resolve) => waiting.push(resolve)) // the one that ends hands its place over
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
