import type { AppOptions, Framework, SideName } from './roles/app.js'
import { median, pairedRatio, round } from './support/statistics.js'
import { startWorker, type Worker } from './support/worker.js'

const FRAMEWORKS: readonly Framework[] = ['express', 'fastify', 'koa']
/** `open` and `guardOnly` show what of the price is the context, and what the guard. */
const SIDES: readonly SideName[] = ['bare', 'open', 'guarded', 'guardOnly']
const IN_FLIGHT = 32
const WARM_UP_MS = 1_000
const WINDOW_MS = 300
const ROUNDS = 8

export interface GuardFigures {
  readonly perSecond: PerSide<number>
  /** Against the bare app, round by round. */
  readonly ratio: PerSide<number>
  /** CPU time of the app's process a request, in µs. */
  readonly cpuMicros: PerSide<number>
}

export type PerSide<T> = Readonly<Record<SideName, T>>

export type GuardResults = Readonly<Record<Framework, GuardFigures>>

interface Side {
  readonly name: SideName
  readonly worker: Worker
  readonly port: number
  readonly perSecond: number[]
  readonly cpuMicros: number[]
}

/** Each app bare, with a sidecar, and guarded, with a token whose decision is known; they take turns. */
export async function measureGuard(child: string, registry: string): Promise<GuardResults> {
  const load = await startWorker(child, 'load')
  const apps = await Promise.all(
    FRAMEWORKS.map(async (framework) => {
      const sides = SIDES.map((side) => startSide(child, { framework, side, registry }))
      return { framework, sides: await Promise.all(sides) }
    }),
  )
  const all = apps.flatMap(({ sides }) => sides)
  for (const { port } of all) await load.ask('drive', { port, inFlight: IN_FLIGHT, ms: WARM_UP_MS })
  for (let n = 0; n < ROUNDS; n++) {
    for (const { sides } of apps)
      for (const side of n % 2 === 0 ? sides : [...sides].reverse()) await measure(load, side)
  }
  await Promise.all([load, ...all.map(({ worker }) => worker)].map((worker) => worker.stop()))
  return Object.fromEntries(apps.map(({ framework, sides }) => [framework, figures(sides)])) as unknown as GuardResults
}

async function startSide(child: string, options: AppOptions): Promise<Side> {
  const worker = await startWorker(child, 'app', options)
  return { name: options.side, worker, port: await worker.ask<number>('port'), perSecond: [], cpuMicros: [] }
}

async function measure(load: Worker, { worker, port, perSecond, cpuMicros }: Side): Promise<void> {
  const before = await worker.ask<number>('cpuMicros')
  const since = performance.now()
  const own = await load.ask<number>('drive', { port, inFlight: IN_FLIGHT, ms: WINDOW_MS })
  const seconds = (performance.now() - since) / 1000
  perSecond.push(own)
  cpuMicros.push(((await worker.ask<number>('cpuMicros')) - before) / (own * seconds))
}

function figures(sides: readonly Side[]): GuardFigures {
  const bare = sides[0]!
  const each = (value: (side: Side) => number) =>
    Object.fromEntries(sides.map((side) => [side.name, value(side)])) as PerSide<number>
  return {
    perSecond: each((side) => Math.round(median(side.perSecond))),
    ratio: each((side) => round(pairedRatio(side.perSecond, bare.perSecond), 3)),
    cpuMicros: each((side) => round(median(side.cpuMicros), 1)),
  }
}
