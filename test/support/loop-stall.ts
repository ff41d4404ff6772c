import { setTimeout as pause } from 'node:timers/promises'

/**
 * The longest time, in ms, that the event loop was busy in one go while `work` went on. Time in which other processes
 * had the processor is left out: of the wall clock and this process's CPU time, which both are at least as long as the
 * loop was busy, the shorter one counts.
 */
export async function longestStall(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let wallMs = 0
  let cpu = process.cpuUsage()
  const restart = () => {
    wallMs = performance.now()
    cpu = process.cpuUsage()
  }
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(cpu)
    longest = Math.max(longest, Math.min(performance.now() - wallMs, (user + system) / 1000))
    restart()
  }, 1)
  try {
    await pause(20)
    restart()
    longest = 0
    await work()
    await pause(20) // a stall shows once the loop turns again
    return longest
  } finally {
    clearInterval(timer)
  }
}

/** The best of several tries: a busy machine only ever makes it worse. */
export async function leastStall(tries: number, work: (attempt: number) => Promise<unknown>): Promise<number> {
  let least = Infinity
  for (let attempt = 0; attempt < tries; attempt++) {
    least = Math.min(least, await longestStall(() => work(attempt)))
  }
  return least
}
