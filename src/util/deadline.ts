import { setMaxListeners } from 'node:events'
import { unlessAborted } from './unless-aborted.js'

/** Ends when the time is up or a parent aborts. */
export interface Deadline {
  readonly signal: AbortSignal
  /** True if the time was the reason. */
  readonly expired: boolean
  /** Must be called once the work is done. */
  dispose(): void
}

/**
 * A timer this late means that our own loop was blocked or the process was stopped: the answer may be waiting unread.
 */
const LATE_MS = 250

/** @param dueMs when the timer that fires now should have fired, by `performance.now()` */
export function firesLate(dueMs: number): boolean {
  return performance.now() - dueMs > LATE_MS
}

/**
 * `AbortSignal.any([…, AbortSignal.timeout(ms)])` would not do: on Node 20 nothing references the timeout, and one
 * that is garbage-collected never fires.
 *
 * @param graceMs what is granted once more where the time passed while this process could not run: silence of the peer
 * counts, ours does not.
 * @param late what the signal aborts with when the time is up
 */
export function startDeadline(
  timeoutMs: number,
  parents: readonly (AbortSignal | undefined)[],
  graceMs: number,
  late: () => Error = () => new Error(`no answer within ${Math.round(timeoutMs)} ms`),
): Deadline {
  const { controller, unlink } = linked(parents)
  let expired = false
  let timer: NodeJS.Timeout
  const arm = (ms: number) => {
    const dueMs = performance.now() + ms
    timer = setTimeout(() => {
      if (firesLate(dueMs)) return arm(graceMs)
      expired = true
      controller.abort(late())
    }, ms).unref()
  }
  arm(timeoutMs)
  return {
    signal: controller.signal,
    get expired() {
      return expired
    },
    dispose() {
      clearTimeout(timer)
      unlink()
    },
  }
}

/** Runs `work` with a signal that aborts at the deadline or with the first of `parents`. */
export async function withDeadline<T>(
  timeoutMs: number,
  parents: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
  graceMs = timeoutMs,
  late?: () => Error,
): Promise<T> {
  for (const parent of parents) parent?.throwIfAborted()
  const deadline = startDeadline(timeoutMs, parents, graceMs, late)
  try {
    return await work(deadline.signal)
  } finally {
    deadline.dispose()
  }
}

/** The same for work that may ignore its signal: it goes on, but its result is not awaited. */
export function cutOff<T>(
  timeoutMs: number,
  parents: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
  late?: () => Error,
): Promise<T> {
  return withDeadline(timeoutMs, parents, (signal) => unlessAborted(work(signal), signal), 0, late)
}

/** One signal for several. `AbortSignal.any` would pile up on those that live long. */
export function linkSignals(...parents: readonly (AbortSignal | undefined)[]): { signal: AbortSignal; unlink(): void } {
  const { controller, unlink } = linked(parents)
  return { signal: controller.signal, unlink }
}

function linked(parents: readonly (AbortSignal | undefined)[]) {
  const controller = new AbortController()
  const onAbort = (event: Event) => controller.abort((event.target as AbortSignal).reason)
  for (const parent of parents) {
    if (!parent) continue
    if (parent.aborted) controller.abort(parent.reason)
    // A hundred requests in flight under one signal are no leak.
    setMaxListeners(0, parent)
    parent.addEventListener('abort', onAbort)
  }
  return { controller, unlink: () => parents.forEach((parent) => parent?.removeEventListener('abort', onAbort)) }
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
