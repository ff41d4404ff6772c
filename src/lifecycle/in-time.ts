import { cutOff } from '../util/deadline.js'

/**
 * Runs work of the app, and rejects if it is not done in time, or if one of `parents` aborts; it may go on, but is not
 * awaited.
 */
export async function inTime<T>(
  timeoutMs: number,
  parents: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  let own: AbortSignal | undefined
  try {
    return await cutOff(timeoutMs, parents, async (signal) => work((own = signal)))
  } catch (error) {
    const late = own?.aborted && error === own.reason && !parents.some((parent) => parent?.aborted)
    throw late ? new Error(`not done within ${timeoutMs} ms`) : error
  }
}
