import { setTimeout as pause } from 'node:timers/promises'
import type { CallFigures } from './calls.js'
import type { ContenderName } from './contenders/contender.js'
import type { Latency } from './support/open-loop.js'
import { median, round } from './support/statistics.js'
import type { Worker } from './support/worker.js'

const COMPARED = ['ours', 'poolRequest', 'axios'] as const
const SHARES = { half: 0.5, ninety: 0.9 } as const
const ROUNDS = 5
const WINDOW_MS = 1_000

export type Share = keyof typeof SHARES
export interface LatencyFigures extends Latency {
  readonly perSecond: number
}
export type Latencies = Readonly<Record<(typeof COMPARED)[number], Readonly<Record<Share, LatencyFigures>>>>

/**
 * Latency at half and at 90 % of capacity. A typed call and `pool.request` are given the same rate, by the slower of the
 * two; axios, which is slower by far, a rate of its own.
 */
export async function measureLatency(
  callers: Readonly<Record<ContenderName, Worker>>,
  at32: Readonly<Record<ContenderName, CallFigures>>,
): Promise<Latencies> {
  const shared = Math.min(at32.ours.perSecond, at32.poolRequest.perSecond)
  const capacity = { ours: shared, poolRequest: shared, axios: at32.axios.perSecond }
  const windows = COMPARED.flatMap((name) =>
    (['half', 'ninety'] as const).map((share) => ({
      ...{ name, share, perSecond: Math.round(capacity[name] * SHARES[share]), found: [] as Latency[] },
    })),
  )
  for (let n = 0; n < ROUNDS; n++) {
    for (const { name, perSecond, found } of n % 2 === 0 ? windows : windows.toReversed()) {
      await pause(100)
      found.push(await callers[name].ask<Latency>('openLoop', { perSecond, ms: WINDOW_MS }))
    }
  }
  const middle = (found: readonly Latency[], of: (one: Latency) => number) => round(median(found.map(of)), 2)
  const figures = (name: string, wanted: Share): LatencyFigures => {
    const { perSecond, found } = windows.find((one) => one.name === name && one.share === wanted)!
    return {
      ...{ perSecond, p50: middle(found, (one) => one.p50), p99: middle(found, (one) => one.p99) },
      ...{ p999: middle(found, (one) => one.p999), calls: found.reduce((sum, one) => sum + one.calls, 0) },
    }
  }
  const of = (name: string) => ({ half: figures(name, 'half'), ninety: figures(name, 'ninety') })
  return { ours: of('ours'), poolRequest: of('poolRequest'), axios: of('axios') }
}
