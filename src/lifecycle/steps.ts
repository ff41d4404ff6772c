import { setImmediate } from 'node:timers/promises'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'

/** One step of an ordered stop. */
export interface Step {
  /** Completes "leaving: … failed". */
  readonly name: string
  /** The next step begins after this long, whatever becomes of this one. */
  readonly deadlineMs: number
  /** `signal` aborts when the step is no longer awaited; it has from the start if the whole stop is out of time. */
  run(signal: AbortSignal): Promise<unknown> | unknown
}

export interface StepsOptions {
  readonly logger: Logger
  /** For all steps together: `sidecar.leave-timeout`. @default none */
  readonly limitMs?: number | undefined
  /**
   * True if the process may end meanwhile; otherwise that is logged, because the code that ends it logs nothing itself.
   */
  readonly endIsWanted?: () => boolean
}

/**
 * Runs the steps in order. One that fails or hangs is logged and stops nothing. When the limit is over, the remaining
 * ones are begun but not awaited, and one warning names what is still open.
 */
export async function runSteps(steps: Iterable<Step>, options: StepsOptions): Promise<void> {
  const { logger, limitMs, endIsWanted = () => false } = options
  const began = performance.now()
  const open = new Set<string>()
  let cut: readonly string[] = []
  const limit = startLimit(limitMs, () => (cut = [...open]))
  let current: Step | undefined
  // An app that handles the exception ends the process itself, by `process.exit()`.
  let crashed = false
  const onCrash = () => (crashed = process.listenerCount('uncaughtException') === 0)
  const onExit = () => {
    if (endIsWanted()) return
    const cause = crashed
      ? 'an uncaught exception'
      : 'other code called process.exit(); see "Beside other shutdown tools" in docs/deployment.md'
    const afterMs = Math.round(performance.now() - began)
    logger.warn(`the process ends ${afterMs} ms after the shutdown began, during ${current?.name}: ${cause}`)
  }
  process.on('uncaughtExceptionMonitor', onCrash)
  process.on('exit', onExit)
  for (current of steps) {
    const { name } = current
    open.add(name)
    const done = runStep(current, logger, limit.signal, () => open.delete(name))
    if (!limit.signal.aborted) await done
    // A signal and the limit are heard also where each step adds another one.
    await setImmediate()
  }
  process.off('uncaughtExceptionMonitor', onCrash)
  process.off('exit', onExit)
  limit.clear()
  if (!limit.signal.aborted) return
  const left = [...new Set([...cut, ...open])]
  if (left.length > 0) logger.warn(`sidecar.leave-timeout (${limitMs} ms) is over, still open: ${left.join(', ')}`)
  // It was over between two steps, and those after it ended at once.
  else logger.warn(`sidecar.leave-timeout (${limitMs} ms) is over, nothing is still open`)
}

function startLimit(limitMs: number | undefined, onOver: () => void) {
  const controller = new AbortController()
  const end = () => {
    onOver()
    controller.abort()
  }
  const timer = limitMs === undefined ? undefined : setTimeout(end, limitMs)
  return { signal: controller.signal, clear: () => clearTimeout(timer) }
}

/** Settles when the step has ended, its time is over, or the limit of all steps is; never rejects. */
async function runStep(
  { name, deadlineMs, run }: Step,
  logger: Logger,
  limit: AbortSignal,
  onEnd: () => void,
): Promise<void> {
  const ended = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let onLimit = () => {}
  const late = new Promise<void>((resolve, reject) => {
    onLimit = () => {
      ended.abort(new Error('sidecar.leave-timeout is over'))
      resolve()
    }
    if (limit.aborted) return onLimit()
    limit.addEventListener('abort', onLimit)
    timer = setTimeout(() => {
      ended.abort(new Error(`not done within ${deadlineMs} ms`))
      reject(ended.signal.reason as Error)
    }, deadlineMs)
  })
  try {
    await Promise.race([(async () => run(ended.signal))().finally(onEnd), late])
  } catch (error) {
    onEnd()
    logger.warn(`leaving: ${name} failed: ${messageOf(error)}`)
  } finally {
    clearTimeout(timer)
    limit.removeEventListener('abort', onLimit)
  }
}
