/** Limits requests to a failing registry. Share one between transports to the same cluster. */
export interface RequestLimiter {
  /**
   * Waits for a permit to send one request.
   *
   * @param priority goes before those that are not: signs of life before polls
   * @returns `granted`; `released` when the registry has come back meanwhile; `late` after `waitMs`
   */
  acquire(priority: boolean, waitMs: number, signal: AbortSignal): Promise<'granted' | 'released' | 'late'>
  /** The registry answers again: releases all waiting requests. */
  releaseAll(): void
}

interface Waiter {
  readonly priority: boolean
  readonly settle: (how: 'granted' | 'released' | 'late') => void
}

/**
 * One request every `intervalMs`.
 *
 * @param intervalMs @default 1000
 */
export function createRequestLimiter(intervalMs = 1000): RequestLimiter {
  const waiters: Waiter[] = []
  let nextAtMs = 0
  let timer: NodeJS.Timeout | undefined

  function serve(): void {
    timer = undefined
    const priority = waiters.findIndex((waiter) => waiter.priority)
    const [next] = waiters.splice(Math.max(priority, 0), 1)
    if (!next) return
    nextAtMs = performance.now() + intervalMs
    next.settle('granted')
    schedule()
  }

  function schedule(): void {
    if (timer === undefined && waiters.length > 0) {
      timer = setTimeout(serve, Math.max(0, nextAtMs - performance.now())).unref()
    }
  }

  return {
    acquire: (priority, waitMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error)
        const drop = () => {
          clearTimeout(limit)
          signal.removeEventListener('abort', abort)
          const index = waiters.indexOf(waiter)
          if (index >= 0) waiters.splice(index, 1)
        }
        const abort = () => {
          drop()
          reject(signal.reason as Error)
        }
        const waiter: Waiter = {
          priority,
          settle(how) {
            drop()
            resolve(how)
          },
        }
        const limit = setTimeout(() => waiter.settle('late'), waitMs).unref()
        signal.addEventListener('abort', abort)
        waiters.push(waiter)
        schedule()
      }),
    releaseAll() {
      for (const waiter of [...waiters]) waiter.settle('released')
    },
  }
}
