import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

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

/**
 * The best of several tries: cold code and a busy machine only ever make it worse.
 *
 * @param enoughMs a try below it is the last one. @default 0: all are made
 */
export async function leastStall(
  tries: number,
  work: (attempt: number) => Promise<unknown>,
  enoughMs = 0,
): Promise<number> {
  let least = Infinity
  for (let attempt = 0; attempt < tries && least >= enoughMs; attempt++) {
    least = Math.min(least, await longestStall(() => work(attempt)))
  }
  return least
}

/**
 * The shortest of several times, in ms: what else the machine does only ever makes one longer, and a wait that the code
 * has in it is in each of them.
 *
 * @param measure one try, which returns how long it took
 * @param enoughMs a try below it is the last one
 */
export async function shortest(tries: number, measure: () => Promise<number>, enoughMs: number): Promise<number> {
  let least = Infinity
  for (let attempt = 0; attempt < tries && least >= enoughMs; attempt++) least = Math.min(least, await measure())
  return least
}

/** Unreferenced objects are gone after it: a timeout that only an `AbortSignal.any` knows of, on Node 20. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
}

/** CPU time that `work` takes, in ms: what a busy machine does not add to. */
export function cpuTime(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/**
 * The best of several tries of `work`: neither the first run of cold code nor what else the machine does counts.
 *
 * @param enoughMs a try below it is the last one. @default 0: all are made
 */
export function leastCpuTime(tries: number, work: () => void, enoughMs = 0): number {
  let least = Infinity
  for (let attempt = 0; attempt < tries && least >= enoughMs; attempt++) least = Math.min(least, cpuTime(work))
  return least
}
