import type { Clock } from './clock.js'

/** True if the promise settled in time, either way. */
export async function settledWithin(promise: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const over = new AbortController()
  const settled = promise.then(
    () => true,
    () => true,
  )
  const late = clock.wait(ms, over.signal).then(() => false)
  const inTime = await Promise.race([settled, late])
  over.abort()
  return inTime
}
