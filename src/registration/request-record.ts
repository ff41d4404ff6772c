import { messageOf } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { ServiceInstance } from '../types.js'
import type { Clock } from './clock.js'

/** What has come of the requests that keep an instance registered: counted, and said where it is news. */
export interface RequestRecord {
  /** Wall clock of the last one that the registry took, in ms since 1970. */
  readonly lastTakenAt: number | undefined
  /** Failed in a row. */
  readonly failures: number
  readonly lastError: string | undefined
  /** True from a heartbeat that failed to the next request that is taken: the registry may have forgotten. */
  readonly beatsFail: boolean
  taken(instance: ServiceInstance): void
  registrationFailed(error: unknown): void
  beatFailed(instance: ServiceInstance, error: unknown): void
}

export interface RequestRecordOptions {
  /** Of the instance, for messages. */
  readonly name: string
  /** The server in use. */
  readonly server: () => string
  readonly logger: Logger
  readonly emit: Emit
  readonly clock: Clock
}

/** A lasting failure is said once, and again so often; a new reason at once. The rest goes to debug. */
const REMIND_MS = 60_000

export function createRequestRecord({ name, server, logger, emit, clock }: RequestRecordOptions): RequestRecord {
  let lastTakenAt: number | undefined
  let failures = 0
  let lastError: string | undefined
  let beatsFail = false
  let said: { error: string; at: number } | undefined

  function failed(what: string, error: unknown, advice: string): void {
    failures++
    lastError = messageOf(error)
    const message = `${what} ${name} at ${server()}, attempt ${failures}: ${lastError}; ${advice}`
    const now = clock.now()
    if (said?.error === lastError && now - said.at < REMIND_MS) return logger.debug(message)
    said = { error: lastError, at: now }
    logger.warn(message)
  }

  return {
    get lastTakenAt() {
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
    taken(instance) {
      const missed = failures
      lastTakenAt = Date.now()
      failures = 0
      lastError = said = undefined
      if (!beatsFail) return
      beatsFail = false
      logger.info(`${server()} takes the heartbeat of ${name} again, after ${missed} failures`)
      emit('beatRecovered', { instance, failures: missed })
    },
    registrationFailed: (error) =>
      failed('cannot register', error, 'the app serves meanwhile, the next attempt follows'),
    beatFailed(instance, error) {
      beatsFail = true
      failed('no heartbeat for', error, 'if that lasts, the registry takes the instance out')
      emit('beatFailed', { instance, error, failures })
    },
  }
}
