import { register } from './support/registry.js'
import { median, round } from './support/statistics.js'
import { startWorker } from './support/worker.js'

const SIZES = [10, 1_000, 10_000]
const WARM_UP_MS = 500
const WINDOW_MS = 150
const ROUNDS = 7

export interface PickFigures {
  readonly perSecond: number
  /** Heap that one pick and its report take. */
  readonly bytes: number
}

/** By number of instances. */
export type Picks = Readonly<Record<string, PickFigures>>

export async function measurePicks(child: string, registry: string): Promise<Picks> {
  const picker = await startWorker(child, 'picker', { registry })
  const serviceOf = (size: number) => `bench-${size}`
  for (const size of SIZES) {
    const addresses = Array.from({ length: size }, (_, n) => ({ ip: `10.1.${n >> 8}.${n & 255}`, port: 8080 }))
    await register(registry, serviceOf(size), addresses)
    const known = await picker.ask<number>('follow', serviceOf(size))
    if (known !== size) throw new Error(`${known} of ${size} instances are known`)
    await picker.ask('perSecond', { service: serviceOf(size), ms: WARM_UP_MS })
  }
  const perSecond = new Map(SIZES.map((size) => [size, [] as number[]]))
  for (let n = 0; n < ROUNDS; n++) {
    for (const size of SIZES)
      perSecond.get(size)!.push(await picker.ask<number>('perSecond', { service: serviceOf(size), ms: WINDOW_MS }))
  }
  const picks: Record<string, PickFigures> = {}
  for (const size of SIZES) {
    const bytes = round(await picker.ask<number>('bytes', serviceOf(size)), 1)
    picks[size] = { perSecond: Math.round(median(perSecond.get(size)!)), bytes }
  }
  await picker.stop()
  return picks
}
