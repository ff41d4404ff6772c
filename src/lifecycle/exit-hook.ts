import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { processSlot } from '../process-state.js'
import type { Member } from '../registration/member.js'
import type { Unsubscribe } from '../types.js'

export interface DeregisterOnExitOptions {
  readonly logger: Logger
  /** @default 1000 */
  readonly timeoutMs?: number
  /** False if the process must end at once. @default true */
  readonly enabled?: () => boolean
  /** It deregisters before it returns, within `timeoutMs`; harmless where there is nothing to do. */
  readonly member: Pick<Member, 'deregisterSync'>
}

/** One pair of listeners for all sidecars of the process, whichever copy of the package installed it. */
export interface ExitHooks {
  readonly hooks: Set<() => void>
  readonly onExit: () => void
  readonly onCrash: () => void
}

const shared = () =>
  processSlot('exit-hook', () => {
    const hooks = new Set<() => void>()
    const onExit = () => {
      for (const run of hooks) run()
    }
    const onCrash = () => {
      const handled = process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()
      if (!handled) onExit()
    }
    return { hooks, onExit, onCrash }
  })

/**
 * For ends without time for a shutdown: an unhandled exception, or `process.exit()` at any moment.
 * Node's own stack and exit code stay as they are.
 */
export function deregisterOnExit({ logger, timeoutMs = 1000, enabled, member }: DeregisterOnExitOptions): Unsubscribe {
  let ran = false
  const run = () => {
    if (ran || enabled?.() === false) return
    // `exit` follows a crash: a second request would change nothing.
    ran = true
    try {
      member.deregisterSync(timeoutMs)
    } catch (error) {
      logger.warn(`cannot deregister while exiting: ${messageOf(error)}`)
    }
  }
  const { hooks, onExit, onCrash } = shared()
  if (hooks.size === 0) {
    process.on('uncaughtExceptionMonitor', onCrash)
    process.on('exit', onExit)
  }
  hooks.add(run)
  return () => {
    if (!hooks.delete(run) || hooks.size > 0) return
    process.off('uncaughtExceptionMonitor', onCrash)
    process.off('exit', onExit)
  }
}
