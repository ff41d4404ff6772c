import { setMaxListeners } from 'node:events'

/** A timer this late means that our own loop was blocked or the process was stopped: the answer may be waiting unread. */
const LAG_MS = 200

/**
 * Runs `work` with a signal that aborts at the deadline or with the first of `signals`. A deadline that passed while
 * this process could not run is granted once more: silence of the peer counts, ours does not.
 */
export async function withDeadline<T>(
  timeoutMs: number,
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const onAbort = (event: Event) => controller.abort((event.target as AbortSignal).reason)
  for (const signal of signals) signal?.throwIfAborted()
  for (const signal of signals) {
    if (!signal) continue
    // One signal may end a hundred requests at once; that is no leak.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', onAbort)
  }
  let due = 0
  let timer: NodeJS.Timeout | undefined
  const arm = () => {
    due = performance.now() + timeoutMs
    timer = setTimeout(() => {
      if (performance.now() - due > LAG_MS) arm()
      else controller.abort(new Error(`no answer within ${timeoutMs} ms`))
    }, timeoutMs)
    timer.unref()
  }
  arm()
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    for (const signal of signals) signal?.removeEventListener('abort', onAbort)
  }
}

/** Waits without holding the process; `true` when the time passed, `false` when it was aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false)
    const done = (passed: boolean) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve(passed)
    }
    const onAbort = () => done(false)
    const timer = setTimeout(() => done(true), ms)
    timer.unref()
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
