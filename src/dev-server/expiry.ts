import { beatTimesOf, checkEveryMs } from './instance.js'
import type { BeatTimes } from './instance.js'
import type { Naming } from './naming.js'

/**
 * Runs `naming.check` as often as the shortest timeout wants.
 *
 * @param tickMs a fixed interval instead, for tests.
 * @returns ends it.
 */
export function startExpiry(naming: Naming, defaults: BeatTimes, tickMs?: number): () => void {
  let everyMs = tickMs ?? naming.checkEveryMs()
  let timer: NodeJS.Timeout
  const arm = () => {
    timer = setTimeout(() => {
      naming.check()
      everyMs = tickMs ?? naming.checkEveryMs()
      arm()
    }, everyMs)
    timer.unref()
  }
  arm()
  if (tickMs === undefined) {
    // A newcomer with short times must not wait for a check that was planned for the others.
    naming.on('register', (_service, { metadata }) => {
      const wantedMs = checkEveryMs(beatTimesOf(metadata, defaults))
      if (wantedMs >= everyMs) return
      everyMs = wantedMs
      clearTimeout(timer)
      arm()
    })
  }
  return () => clearTimeout(timer)
}
