/** Told when a signal aborts. */
export interface AbortListener {
  onAbort(reason: unknown): void
}

const listeners = new WeakMap<AbortSignal, Set<AbortListener>>()

/**
 * Listens to a signal that many share, with one listener of its own: Node warns of a leak beyond ten, and twenty calls
 * at once with one signal are none.
 */
export function onAbort(signal: AbortSignal, listener: AbortListener): void {
  const known = listeners.get(signal)
  if (known !== undefined) return void known.add(listener)
  const all = new Set([listener])
  listeners.set(signal, all)
  signal.addEventListener('abort', notifyAll, { once: true })
}

/** The last one to go removes the listener of the signal. */
export function offAbort(signal: AbortSignal, listener: AbortListener): void {
  const all = listeners.get(signal)
  if (all === undefined || !all.delete(listener) || all.size > 0) return
  listeners.delete(signal)
  signal.removeEventListener('abort', notifyAll)
}

function notifyAll(this: AbortSignal): void {
  const all = listeners.get(this)
  listeners.delete(this)
  for (const listener of all ?? []) listener.onAbort(this.reason)
}
