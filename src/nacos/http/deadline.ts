import { setMaxListeners } from 'node:events'
import { performance } from 'node:perf_hooks'

/** Ends when the time is up or its parent aborts. */
export interface Deadline {
  readonly signal: AbortSignal
  /** True if the time was the reason. */
  readonly expired: boolean
  /** Must be called once the work is done. */
  dispose(): void
}

/** A timer this late means that the loop was blocked, not that the server was slow. */
const LATE_MS = 250
/** What an answer that waits in the socket needs to be read. */
const GRACE_MS = 100

export function startDeadline(timeoutMs: number, parent: AbortSignal): Deadline {
  const controller = new AbortController()
  let expired = false

  const dueMs = performance.now() + timeoutMs
  let timer = setTimeout(onTime, timeoutMs).unref()
  function onTime(): void {
    if (performance.now() - dueMs > LATE_MS) timer = setTimeout(expire, GRACE_MS).unref()
    else expire()
  }
  function expire(): void {
    expired = true
    controller.abort()
  }

  const unlink = follow(controller, parent)
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

/** One signal for several. `AbortSignal.any` would pile up on those that live long. */
export function linkSignals(...parents: readonly (AbortSignal | undefined)[]): { signal: AbortSignal; unlink(): void } {
  const controller = new AbortController()
  const links = parents.map((parent) => follow(controller, parent))
  return { signal: controller.signal, unlink: () => links.forEach((unlink) => unlink()) }
}

function follow(controller: AbortController, parent: AbortSignal | undefined): () => void {
  if (!parent) return () => {}
  const abort = () => controller.abort(parent.reason)
  if (parent.aborted) abort()
  // A hundred requests in flight under one signal are no leak.
  setMaxListeners(0, parent)
  parent.addEventListener('abort', abort)
  return () => parent.removeEventListener('abort', abort)
}
