import { cutOff } from './deadline.js'

/**
 * Runs work of the app, and rejects if it is not done in time, or if one of `parents` aborts; it may go on, but is not
 * awaited.
 *
 * @param late the error of a work that is not done in time; its signal aborts with that error, too
 */
export async function inTime<T>(
  timeoutMs: number,
  parents: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => T | Promise<T>,
  late: () => Error = () => new Error(`not done within ${timeoutMs} ms`),
): Promise<T> {
  return cutOff(timeoutMs, parents, async (signal) => work(signal), late)
}
