import type { Clock } from './clock.js'

/** True if the promise settled in time, either way. */
export async function settledWithin(promise: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const over = new AbortController()
  const settled = promise.then(
    () => true,
    () => true,
  )
  const late = clock.wait(ms, over.signal).then(() => false)
  const inTime = await Promise.race([settled, late])
  over.abort()
  return inTime
}

/**
 * Runs with a signal that aborts after `ms` or with `parent`, and rejects with the reason even where the signal is
 * ignored. (`AbortSignal.any` with a parent that lives as long as the process keeps its children.)
 */
export function withDeadline<T>(
  ms: number,
  parent: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const cut = (reason: unknown) => {
      controller.abort(reason)
      reject(reason)
    }
    const onParent = () => cut(parent!.reason)
    if (parent?.aborted) return onParent()
    const timer = setTimeout(() => cut(new Error(`no answer within ${Math.round(ms)} ms`)), ms)
    timer.unref()
    parent?.addEventListener('abort', onParent, { once: true })
    run(controller.signal)
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer)
        parent?.removeEventListener('abort', onParent)
      })
  })
}
