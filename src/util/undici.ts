import type { Pool, util } from 'undici'

/** What calls need of undici. */
export interface UndiciParts {
  readonly Pool: typeof Pool
  readonly parseHeaders: typeof util.parseHeaders
}

let parts: UndiciParts | undefined
let loading: Promise<UndiciParts> | undefined

/** `undefined` before the first `loadUndici`. */
export function loadedUndici(): UndiciParts | undefined {
  return parts
}

/**
 * Loads undici's pool alone: the whole package has a fetch, a cache, mocks and WebSockets besides, and takes three times
 * as long and twice the memory.
 */
export function loadUndici(): Promise<UndiciParts> {
  return (loading ??= load().then((loaded) => (parts = loaded)))
}

let expected = false
let listening = false

/** The process has a client: its first call must not wait for undici. */
export function expectCalls(): void {
  expected = true
  if (listening) warm()
}

/** The app listens. A process that only serves never loads undici, which takes 5 MB. */
export function appListens(): void {
  listening = true
  if (expected) warm()
}

function warm(): void {
  // The first call says what is wrong.
  loadUndici().catch(() => {})
}

async function load(): Promise<UndiciParts> {
  try {
    const [pool, util] = await Promise.all([import('undici/lib/dispatcher/pool.js'), import('undici/lib/core/util.js')])
    return { Pool: pool.default, parseHeaders: util.default.parseHeaders }
  } catch {
    // A later undici may have its files elsewhere.
    const { Pool, util } = await import('undici')
    return { Pool, parseHeaders: util.parseHeaders }
  }
}
