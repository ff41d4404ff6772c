import { messageOf } from '../errors.js'
import { mask } from '../util/secrets.js'
import { inTime } from '../util/in-time.js'

/** What a check has found. */
export interface HealthResult {
  readonly up: boolean
  /** May be shown to anyone. */
  readonly reason?: string
  /** For the app's own eyes; secrets are masked. */
  readonly error?: string
}

export interface HealthCheck {
  /** Of the last check; `undefined` before the first. */
  readonly last: HealthResult | undefined
  /** The result of a check that is at most a second old. Never rejects. */
  result(): Promise<HealthResult>
}

/** A health page that is asked a thousand times a second asks a database once. */
const KEPT_MS = 1_000
const TIMEOUT_MS = 2_000
/** A check that hangs keeps further ones from being begun for so long. */
const HUNG_MS = 10_000

/** @param check throws, rejects or returns `false` if its subject cannot be used */
export function createHealthCheck(check: (signal: AbortSignal) => unknown, timeoutMs = TIMEOUT_MS): HealthCheck {
  let last: HealthResult | undefined
  let result: Promise<HealthResult> | undefined
  let until = 0
  let open = 0

  async function run(): Promise<HealthResult> {
    try {
      const up = await inTime(timeoutMs, [], async (signal) => {
        open++
        try {
          return await check(signal)
        } finally {
          open--
        }
      })
      return up === false ? { up: false, reason: 'health check failed' } : { up: true }
    } catch (error) {
      return { up: false, reason: open > 0 ? 'health check timed out' : 'health check failed', error: textOf(error) }
    }
  }

  return {
    get last() {
      return last
    },
    result() {
      if (result && performance.now() < until) return result
      until = Infinity
      const own = (result = run())
      void own.then((found) => {
        last = found
        until = performance.now() + (open > 0 ? HUNG_MS : KEPT_MS)
      })
      return own
    },
  }
}

const textOf = (error: unknown) => mask(messageOf(error))
