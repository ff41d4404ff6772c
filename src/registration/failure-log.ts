import type { Logger } from '../logger.js'
import type { Clock } from './clock.js'

/** Says a lasting failure once, and again each minute; a new reason at once. The rest goes to debug. */
export interface FailureLog {
  /** @param reason what makes it the same failure or another. */
  report(reason: string, message: string): void
  clear(): void
}

const REMIND_MS = 60_000

export function createFailureLog(logger: Logger, clock: Clock): FailureLog {
  let last: { reason: string; at: number } | undefined
  return {
    report(reason, message) {
      const now = clock.now()
      if (last?.reason === reason && now - last.at < REMIND_MS) return logger.debug(message)
      last = { reason, at: now }
      logger.warn(message)
    },
    clear: () => void (last = undefined),
  }
}
