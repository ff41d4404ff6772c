import { setTimeout as pause } from 'node:timers/promises'
import { openContender } from '../contenders/open.js'
import { latenciesOf, type Latencies } from '../support/latencies.js'
import type { Scenario } from './scenario.js'

const SAMPLES = 40
const SETTLE_MS = 3_000
/** As long as a poll, so that those who poll are met at every moment of their interval. */
const SPREAD_MS = 10_000
const GIVE_UP_MS = 13_000

/** From the call that registers to the moment a consumer has the instance; each sample is a service of its own. */
export const registerToSeen: Scenario<Latencies> = async ({ contender, server, grpcPort, run }) => {
  const client = await openContender(contender, { server, ...(grpcPort && { grpcPort }), documents: [] })
  const took: number[] = []
  const seen = Array.from({ length: SAMPLES }, async (_, sample) => {
    const service = `${run}-${contender}-${sample}`
    const port = 20_000 + sample
    const heard = new Promise<number>((resolve) =>
      client.follow(service, (ports) => ports.includes(port) && resolve(performance.now())),
    )
    await pause(SETTLE_MS + (SPREAD_MS * sample) / SAMPLES)
    const sentAt = performance.now()
    await client.register(service, port)
    took.push((await heard) - sentAt)
  })
  await pause(SETTLE_MS - 500)
  const notAvailable = client.lacking()
  if (notAvailable !== undefined) return { notAvailable }
  await Promise.race([Promise.all(seen), pause(SPREAD_MS + GIVE_UP_MS)])
  return latenciesOf(took, SAMPLES)
}
