import type { GrpcTimes } from './times.js'

/**
 * Pushes until the client acknowledges it. Gives up after some attempts, so that a client that never does costs
 * little, and as soon as the push is out of date.
 */
export function deliver(
  send: () => Promise<void>,
  isCurrent: () => boolean,
  { resends, resendDelayMs }: GrpcTimes,
): void {
  let left = resends
  const attempt = () => {
    if (!isCurrent()) return
    send().catch(() => {
      if (left-- > 0) setTimeout(attempt, resendDelayMs).unref()
    })
  }
  attempt()
}
