import { setTimeout as pause } from 'node:timers/promises'
import { openContender } from '../contenders/open.js'
import { settled } from '../contenders/settled.js'
import { latenciesOf, type Latencies } from '../support/latencies.js'
import type { Scenario } from './scenario.js'

const SAMPLES = 40
const SETTLE_MS = 2_500
/** As long as a poll, so that those who poll are met at every moment of their interval. */
const SPREAD_MS = 10_000
const GIVE_UP_MS = 12_000

/** From the call that registers to the moment a consumer has the instance; each sample is a service of its own. */
export const registerToSeen: Scenario<Latencies> = async ({ contender, server, grpcPort, run }) => {
  const client = await openContender(contender, { server, ...(grpcPort && { grpcPort }), documents: [] })
  const services = Array.from({ length: SAMPLES }, (_, sample) => {
    const service = `${run}-${contender}-${sample}`
    const port = 20_000 + sample
    const seen = new Promise<number>((resolve) =>
      client.follow(service, (ports) => ports.includes(port) && resolve(performance.now())),
    )
    return { service, port, seen }
  })
  const notAvailable = await settled(client, SETTLE_MS)
  if (notAvailable !== undefined) return { notAvailable }

  const took: number[] = []
  const all = services.map(async ({ service, port, seen }, sample) => {
    await pause((SPREAD_MS * sample) / SAMPLES)
    const sentAt = performance.now()
    await client.register(service, port)
    took.push((await seen) - sentAt)
  })
  await Promise.race([Promise.all(all), pause(SPREAD_MS + GIVE_UP_MS)])
  return latenciesOf(took, SAMPLES)
}
