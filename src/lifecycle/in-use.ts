import { pause } from '../util/deadline.js'

/** A value, and the work that uses it. */
export interface InUse<T> {
  readonly value: T
  readonly since: Date
  /** How many works are under way. */
  readonly uses: number
  /** Runs `work`, and counts it until its promise has settled. */
  use<R>(work: (value: T) => R | Promise<R>): Promise<R>
  /** Settles when no work is under way, with `false` if that takes longer or `signal` aborts. */
  idle(timeoutMs: number, signal?: AbortSignal): Promise<boolean>
}

export function createInUse<T>(value: T): InUse<T> {
  const since = new Date()
  let uses = 0
  let onIdle = () => {}
  return {
    value,
    since,
    get uses() {
      return uses
    },
    async use(work) {
      uses++
      try {
        return await work(value)
      } finally {
        if (--uses === 0) onIdle()
      }
    },
    async idle(timeoutMs, signal) {
      if (uses === 0) return true
      const over = new AbortController()
      const idle = new Promise<void>((resolve) => (onIdle = resolve)).then(() => over.abort())
      const abort = () => over.abort()
      signal?.addEventListener('abort', abort)
      await Promise.race([idle, pause(timeoutMs, over.signal)])
      signal?.removeEventListener('abort', abort)
      over.abort()
      return uses === 0
    },
  }
}
