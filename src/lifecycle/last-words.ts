import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { sharedSlot } from '../shared-state.js'
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

/** One pair of listeners for all sidecars of the process, whichever copy of the package installed it. */
interface Listeners {
  readonly speakers: Set<() => void>
  readonly onExit: () => void
  readonly onCrash: () => void
}

const shared = () =>
  sharedSlot<Listeners>('last-words', () => {
    const speakers = new Set<() => void>()
    const onExit = () => {
      for (const speak of speakers) speak()
    }
    const onCrash = () => {
      const handled = process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()
      if (!handled) onExit()
    }
    return { speakers, onExit, onCrash }
  })

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
  const { speakers, onExit, onCrash } = shared()
  if (speakers.size === 0) {
    process.on('uncaughtExceptionMonitor', onCrash)
    process.on('exit', onExit)
  }
  speakers.add(speak)
  return () => {
    if (!speakers.delete(speak) || speakers.size > 0) return
    process.off('uncaughtExceptionMonitor', onCrash)
    process.off('exit', onExit)
  }
}
