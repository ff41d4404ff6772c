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

/** Runs the steps in order. One that fails or hangs is logged and stops nothing. */
export async function runSteps(steps: readonly Step[], logger: Logger): Promise<void> {
  for (const step of steps) {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error(`not done within ${step.deadlineMs} ms`))
      timer = setTimeout(fail, step.deadlineMs)
    })
    try {
      await Promise.race([(async () => step.run())(), late])
    } catch (error) {
      logger.warn(`leaving: ${step.name} failed: ${messageOf(error)}`)
    } finally {
      clearTimeout(timer)
    }
  }
}
