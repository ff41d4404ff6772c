import { codeOf, messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { ServiceInstance } from '../types.js'

/** Counts and logs the results of the requests that keep an instance registered. */
export interface RegistrationLog {
  /** Wall clock of the last one that the registry accepted, in ms since 1970. */
  readonly lastSuccessAt: number | undefined
  /** Failed in a row. */
  readonly failures: number
  readonly lastError: string | undefined
  /** True from a failed heartbeat to the next accepted request: the registry may have forgotten the instance. */
  readonly beatsFail: boolean
  succeeded(instance: ServiceInstance): void
  registrationFailed(instance: ServiceInstance, error: unknown): void
  beatFailed(instance: ServiceInstance, error: unknown): void
}

export interface RegistrationLogOptions {
  /** Of the instance, for messages. */
  readonly name: string
  /** The server in use. */
  readonly server: () => string
  readonly logger: Logger
  readonly emit: Emit
}

/** A lasting failure is logged once, then again at this interval; a new reason at once. The rest goes to debug. */
const REPEAT_LOG_MS = 60_000

export function createRegistrationLog({ name, server, logger, emit }: RegistrationLogOptions): RegistrationLog {
  let lastTakenAt: number | undefined
  let failures = 0
  let lastError: string | undefined
  let beatsFail = false
  let logged: { error: string; at: number } | undefined

  function failed(what: string, error: unknown, advice: string): void {
    failures++
    lastError = messageOf(error)
    const message = `${what} ${name} at ${server()}, attempt ${failures}: ${lastError}; ${advice}`
    const fields = { server: server(), attempt: failures, code: codeOf(error) }
    const now = performance.now()
    if (logged?.error === lastError && now - logged.at < REPEAT_LOG_MS) return logger.debug(message, fields)
    logged = { error: lastError, at: now }
    logger.warn(message, fields)
  }

  return {
    get lastSuccessAt() {
      return lastTakenAt
    },
    get failures() {
      return failures
    },
    get lastError() {
      return lastError
    },
    get beatsFail() {
      return beatsFail
    },
    succeeded(instance) {
      const missed = failures
      lastTakenAt = Date.now()
      failures = 0
      lastError = logged = undefined
      if (!beatsFail) return
      beatsFail = false
      logger.info(`heartbeats of ${name} reach ${server()} again, after ${missed} failures`)
      emit('beatRecovered', { instance, failures: missed })
    },
    registrationFailed(instance, error) {
      failed('cannot register', error, 'will retry; the app keeps serving')
      emit('registrationFailed', { instance, error, failures })
    },
    beatFailed(instance, error) {
      beatsFail = true
      failed('heartbeat failed for', error, 'if this continues, the registry marks the instance unhealthy')
      emit('beatFailed', { instance, error, failures })
    },
  }
}
