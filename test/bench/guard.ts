import type { AppOptions, Framework, SideName } from './roles/app.js'
import { median, pairedRatio, round } from './support/statistics.js'
import { startWorker, type Worker } from './support/worker.js'

export const FRAMEWORKS: readonly Framework[] = ['express', 'fastify', 'koa']
/** `idle`, `open`, `unobserved` and `guardOnly` show what of the price is the process, the guard, figures, and the context. */
const SIDES: readonly SideName[] = ['bare', 'idle', 'open', 'guarded', 'unobserved', 'observed', 'guardOnly']
const IN_FLIGHT = 32
/**
 * After as many, V8 has compiled all that it will; of the first 16,000 each takes two to four times as much CPU time, and the more code there
 * is, the longer that goes on. By requests, as a slow machine serves fewer in the same time.
 */
const WARM_UP_REQUESTS = 48_000
const WARM_UP_MS = 1_000
const WINDOW_MS = 100
const ROUNDS = 6

export interface GuardFigures {
  readonly perSecond: PerSide<number>
  /** Against the bare app, round by round. */
  readonly ratio: PerSide<number>
  /** Guarded with all of observability on, against guarded without figures. */
  readonly observed: Observed
  /** CPU time of the app's process a request, in µs. */
  readonly cpuMicros: PerSide<number>
}

/** What observability costs. */
export interface Observed {
  /** Rate with it against rate without, round by round. */
  readonly onOverOff: number
  /** CPU time a call or request that it adds, in µs; the median of the rounds. */
  readonly perCallUs: number
}

export type PerSide<T> = Readonly<Record<SideName, T>>

export type GuardResults = Readonly<Record<Framework, GuardFigures>>

/** One side of one framework, over all its processes. */
export interface Side {
  readonly framework: Framework
  readonly name: SideName
  /** URL of another build of the package. */
  readonly build?: string | undefined
  readonly perSecond: number[]
  readonly cpuMicros: number[]
}

/**
 * Each app bare, with a sidecar, and guarded, with a token whose decision is known; they take turns. Of two processes
 * with the same code one may be a tenth faster, and whose turn comes first is slower: so each side has several
 * processes, and every other side is the first once.
 */
export async function measureGuard(child: string, registry: string): Promise<GuardResults> {
  const results: Partial<Record<Framework, GuardFigures>> = {}
  for (const framework of FRAMEWORKS) {
    const sides = SIDES.map((name): Side => ({ framework, name, perSecond: [], cpuMicros: [] }))
    await measureSides(child, registry, sides, sides.length / 2)
    results[framework] = figures(sides)
  }
  return results as GuardResults
}

/** @param processes of each side */
export async function measureSides(
  child: string,
  registry: string,
  sides: readonly Side[],
  processes: number,
): Promise<void> {
  const load = await startWorker(child, 'load')
  const start: StartApp = ({ framework, name: side, build }) =>
    startWorker(child, 'app', { framework, side, registry, build } satisfies AppOptions)
  for (let n = 0; n < processes; n++) {
    const first = Math.floor((n * sides.length) / processes)
    await measureProcesses(load, [...sides.slice(first), ...sides.slice(0, first)], start)
  }
  await load.stop()
}

type StartApp = (side: Side) => Promise<Worker>

async function measureProcesses(load: Worker, sides: readonly Side[], start: StartApp): Promise<void> {
  const apps = await Promise.all(
    sides.map(async (side) => {
      const worker = await start(side)
      return { side, worker, port: await worker.ask<number>('port') }
    }),
  )
  for (const { worker, port } of apps) {
    await load.ask('drive', { port, inFlight: IN_FLIGHT, ms: WINDOW_MS })
    // Before the warm-up: a collection also throws away the compiled code of what has not run since the last one.
    await worker.ask('settle')
    for (let served = 0; served < WARM_UP_REQUESTS;)
      served += ((await load.ask<number>('drive', { port, inFlight: IN_FLIGHT, ms: WARM_UP_MS })) * WARM_UP_MS) / 1_000
  }
  for (let n = 0; n < ROUNDS; n++)
    for (const { side, worker, port } of n % 2 === 0 ? apps : [...apps].reverse())
      await measure(load, side, worker, port)
  await Promise.all(apps.map(({ worker }) => worker.stop()))
}

async function measure(load: Worker, { perSecond, cpuMicros }: Side, worker: Worker, port: number): Promise<void> {
  const before = await worker.ask<number>('cpuMicros')
  const since = performance.now()
  const own = await load.ask<number>('drive', { port, inFlight: IN_FLIGHT, ms: WINDOW_MS })
  const seconds = (performance.now() - since) / 1000
  perSecond.push(own)
  cpuMicros.push(((await worker.ask<number>('cpuMicros')) - before) / (own * seconds))
}

/** Of windows in the same order. */
export function observed(on: Windows, off: Windows): Observed {
  return {
    onOverOff: round(pairedRatio(on.perSecond, off.perSecond), 3),
    perCallUs: round(median(on.cpuMicros.map((micros, n) => micros - off.cpuMicros[n]!)), 2),
  }
}

interface Windows {
  readonly perSecond: readonly number[]
  readonly cpuMicros: readonly number[]
}

function figures(sides: readonly Side[]): GuardFigures {
  const bare = sides[0]!
  const of = (name: SideName) => sides.find((side) => side.name === name)!
  const each = (value: (side: Side) => number) =>
    Object.fromEntries(sides.map((side) => [side.name, value(side)])) as PerSide<number>
  return {
    perSecond: each((side) => Math.round(median(side.perSecond))),
    observed: observed(of('observed'), of('unobserved')),
    ratio: each((side) => round(pairedRatio(side.perSecond, bare.perSecond), 3)),
    cpuMicros: each((side) => round(median(side.cpuMicros), 1)),
  }
}
