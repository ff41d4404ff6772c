/** Rations requests to a registry that fails. Share one between transports that speak to the same cluster. */
export interface RequestBudget {
  /**
   * Waits for leave to send one request.
   *
   * @param urgent goes before those that are not: signs of life before polls
   * @returns `granted`; `opened` when the registry has come back meanwhile; `late` after `waitMs`
   */
  take(urgent: boolean, waitMs: number, signal: AbortSignal): Promise<'granted' | 'opened' | 'late'>
  /** The registry answers again: everyone who waits may go. */
  open(): void
}

interface Waiter {
  readonly urgent: boolean
  readonly settle: (how: 'granted' | 'opened' | 'late') => void
}

/**
 * One request every `intervalMs`.
 *
 * @param intervalMs @default 1000
 */
export function createRequestBudget(intervalMs = 1000): RequestBudget {
  const waiters: Waiter[] = []
  let nextAtMs = 0
  let timer: NodeJS.Timeout | undefined

  function serve(): void {
    timer = undefined
    const urgent = waiters.findIndex((waiter) => waiter.urgent)
    const [next] = waiters.splice(Math.max(urgent, 0), 1)
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
    take: (urgent, waitMs, signal) =>
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
          urgent,
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
    open() {
      for (const waiter of [...waiters]) waiter.settle('opened')
    },
  }
}
