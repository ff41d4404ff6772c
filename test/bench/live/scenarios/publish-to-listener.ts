import { setTimeout as pause } from 'node:timers/promises'
import { openContender } from '../contenders/open.js'
import { settled } from '../contenders/settled.js'
import { latenciesOf, type Latencies } from '../support/latencies.js'
import type { Scenario } from './scenario.js'

const SAMPLES = 30
const SETTLE_MS = 2_500
/** As long as a poll, so that those who poll are met at every moment of their interval. */
const SPREAD_MS = 10_000
const GIVE_UP_MS = 12_000

export const publishedDocuments = (run: string, contender: string): string[] =>
  Array.from({ length: SAMPLES }, (_, n) => `${run}-${contender}-${n}.yml`)

/** From the call that publishes to the listener that has the new value; each sample is a document that was there before. */
export const publishToListener: Scenario<Latencies> = async ({ contender, server, grpcPort, run }) => {
  const documents = publishedDocuments(run, contender)
  const client = await openContender(contender, { server, ...(grpcPort && { grpcPort }), documents })
  const notAvailable = await settled(client, SETTLE_MS)
  if (notAvailable !== undefined) return { notAvailable }

  const took: number[] = []
  const all = documents.map(async (dataId, sample) => {
    await pause((SPREAD_MS * sample) / SAMPLES)
    const heard = new Promise<number>((resolve) =>
      client.listen(dataId, (value) => value === 'second' && resolve(performance.now())),
    )
    const sentAt = performance.now()
    await client.publish(dataId, 'second')
    took.push((await heard) - sentAt)
  })
  await Promise.race([Promise.all(all), pause(SPREAD_MS + GIVE_UP_MS)])
  return latenciesOf(took, SAMPLES)
}
