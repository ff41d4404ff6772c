import type { Unsubscribe } from '../types.js'

/**
 * Ends a subscription: call it or its `stop()`, or let `using` and `await using` do so. Ending it twice is harmless.
 *
 * @example
 * {
 *   using greeting = sidecar.config.on('greeting', ({ value }) => show(value))
 *   await serve()
 * } // no further calls
 */
export interface Subscription extends Unsubscribe, Disposable, AsyncDisposable {
  /** The same as the call. */
  stop(): void
}

/** @param end called once. */
export function createSubscription(end: () => void): Subscription {
  let ended = false
  const once = () => {
    if (ended) return
    ended = true
    end()
  }
  return Object.assign(once, { stop: once, [Symbol.dispose]: once, [Symbol.asyncDispose]: async () => once() })
}
