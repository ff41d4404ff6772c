import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'

/** One step of an ordered stop. */
export interface Step {
  /** Completes "leaving: … failed". */
  readonly name: string
  /** The next step begins after this long, whatever becomes of this one. */
  readonly deadlineMs: number
  run(): Promise<unknown> | unknown
}

/**
 * Runs the steps in order. One that fails or hangs is logged and stops nothing.
 *
 * @param endIsWanted true if the process may end meanwhile; otherwise that is logged, because the code that ends it logs
 * nothing itself
 */
export async function runSteps(
  steps: readonly Step[],
  logger: Logger,
  endIsWanted: () => boolean = () => false,
): Promise<void> {
  const began = performance.now()
  let current: Step | undefined
  const onExit = () => {
    if (endIsWanted()) return
    logger.warn(
      `the process ends ${Math.round(performance.now() - began)} ms after the shutdown began, during ${current?.name}: other code called process.exit(); see "Beside other shutdown tools" in docs/deployment.md`,
    )
  }
  process.on('exit', onExit)
  for (current of steps) await runStep(current, logger)
  process.off('exit', onExit)
}

async function runStep({ name, deadlineMs, run }: Step, logger: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error(`not done within ${deadlineMs} ms`))
    timer = setTimeout(fail, deadlineMs)
  })
  try {
    await Promise.race([(async () => run())(), late])
  } catch (error) {
    logger.warn(`leaving: ${name} failed: ${messageOf(error)}`)
  } finally {
    clearTimeout(timer)
  }
}
