import { round } from './statistics.js'

export interface OpenLoop {
  readonly perSecond: number
  readonly ms: number
}

/** In milliseconds, from the moment at which a call was due. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly calls: number
}

/**
 * Starts calls at fixed times, whether those before have been answered or not. What waits because the process is busy is
 * counted from the time it was due: a closed loop would leave that out.
 */
export async function openLoop(call: (n: number) => Promise<unknown>, { perSecond, ms }: OpenLoop): Promise<Latency> {
  const total = Math.floor((perSecond * ms) / 1000)
  const times = new Float64Array(total)
  const pending: Promise<void>[] = []
  const since = performance.now()
  const measure = async (n: number) => {
    await call(n)
    times[n] = performance.now() - since - (n * 1000) / perSecond
  }
  for (let n = 0; n < total;) {
    const due = Math.min(total, Math.ceil(((performance.now() - since) * perSecond) / 1000))
    while (n < due) pending.push(measure(n++))
    await new Promise(setImmediate)
  }
  await Promise.all(pending)
  times.sort()
  const at = (share: number) => round(times[Math.min(total - 1, Math.floor(total * share))]!, 2)
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), calls: total }
}
