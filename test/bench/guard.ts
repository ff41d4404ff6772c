import type { Framework } from './roles/app.js'
import { median, pairedRatio, round } from './support/statistics.js'
import { startWorker, type Worker } from './support/worker.js'

const FRAMEWORKS: readonly Framework[] = ['express', 'fastify', 'koa']
const IN_FLIGHT = 32
const WARM_UP_MS = 1_000
const WINDOW_MS = 300
const ROUNDS = 12

export interface GuardFigures {
  /** Requests per second. */
  readonly bare: number
  readonly guarded: number
  /** Guarded ÷ bare, round by round. */
  readonly ratio: number
  /** CPU time of the app's process a request, in µs. */
  readonly bareCpuMicros: number
  readonly guardedCpuMicros: number
}

export type GuardResults = Readonly<Record<Framework, GuardFigures>>

interface Side {
  readonly worker: Worker
  readonly port: number
  readonly perSecond: number[]
  readonly cpuMicros: number[]
}

/** Each app bare and guarded, with a token whose decision is known; bare and guarded take turns. */
export async function measureGuard(child: string, registry: string): Promise<GuardResults> {
  const load = await startWorker(child, 'load')
  const apps = await Promise.all(
    FRAMEWORKS.map(async (framework) => {
      const sides = [false, true].map((guarded) => startSide(child, { framework, guarded, registry }))
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
  return Object.fromEntries(
    apps.map(({ framework, sides: [bare, guarded] }) => [framework, figures(bare!, guarded!)]),
  ) as unknown as GuardResults
}

async function startSide(child: string, options: object): Promise<Side> {
  const worker = await startWorker(child, 'app', options)
  return { worker, port: await worker.ask<number>('port'), perSecond: [], cpuMicros: [] }
}

async function measure(load: Worker, { worker, port, perSecond, cpuMicros }: Side): Promise<void> {
  const before = await worker.ask<number>('cpuMicros')
  const since = performance.now()
  const own = await load.ask<number>('drive', { port, inFlight: IN_FLIGHT, ms: WINDOW_MS })
  const seconds = (performance.now() - since) / 1000
  perSecond.push(own)
  cpuMicros.push(((await worker.ask<number>('cpuMicros')) - before) / (own * seconds))
}

function figures(bare: Side, guarded: Side): GuardFigures {
  return {
    bare: Math.round(median(bare.perSecond)),
    guarded: Math.round(median(guarded.perSecond)),
    ratio: round(pairedRatio(guarded.perSecond, bare.perSecond), 3),
    bareCpuMicros: round(median(bare.cpuMicros), 1),
    guardedCpuMicros: round(median(guarded.cpuMicros), 1),
  }
}
