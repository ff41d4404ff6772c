import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import type { Unsubscribe } from '../types.js'

export interface LastWordsOptions {
  readonly logger: Logger
  /** @default 1000 */
  readonly timeoutMs?: number
  /** False where the end was asked for at once. @default true */
  readonly wanted?: () => boolean
  /** Deregisters before it returns (`requestSync`), within `timeoutMs`; harmless where there is nothing to do. */
  deregisterSync(timeoutMs: number): void
}

/**
 * For ends that leave no time: an uncaught exception nobody handles, and `process.exit()` in the middle of things.
 * Node's own stack and exit code stay as they are.
 */
export function haveLastWords({ logger, timeoutMs = 1000, wanted, deregisterSync }: LastWordsOptions): Unsubscribe {
  let spoken = false
  const speak = () => {
    if (spoken || wanted?.() === false) return
    // A crash is followed by `exit`: the second wait would change nothing.
    spoken = true
    try {
      deregisterSync(timeoutMs)
    } catch (error) {
      logger.warn(`cannot deregister at the last moment: ${messageOf(error)}`)
    }
  }
  const onCrash = () => {
    const handled = process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()
    if (!handled) speak()
  }
  process.on('uncaughtExceptionMonitor', onCrash)
  process.on('exit', speak)
  return () => {
    process.off('uncaughtExceptionMonitor', onCrash)
    process.off('exit', speak)
  }
}
