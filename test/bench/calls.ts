import { setTimeout as pause } from 'node:timers/promises'
import { NAMES, SERVICE, type ContenderName } from './contenders/contender.js'
import { observed, type Observed } from './guard.js'
import { measureLatency, type Latencies } from './latency.js'
import type { Window } from './support/drive.js'
import { register } from './support/registry.js'
import { median, pairedRatio, round } from './support/statistics.js'
import { startWorker, type Worker } from './support/worker.js'

export const IN_FLIGHT = 32
const LEVELS = [1, 8, 64, 256]
const WARM_UP_MS = 1_000
const WINDOW_MS = 300
const ROUNDS = 11
const SETTLE_MS = 30
const LEVEL_ROUNDS = 4

export interface CallFigures {
  /** Calls per second at 32 in flight. */
  readonly perSecond: number
  /** Against `pool.request()`, round by round. */
  readonly ratio: number
  /** Against `pool.dispatch()`, which is as fast as the platform goes. */
  readonly ratioToDispatch: number
  /** CPU time of the client's process a call, in µs. */
  readonly cpuMicros: number
  readonly rssMb: number
}

export interface Calls {
  readonly at32: Readonly<Record<ContenderName, CallFigures>>
  /** Calls per second by calls in flight. */
  readonly load: Readonly<Record<ContenderName, Readonly<Record<string, number>>>>
  readonly latency: Latencies
  /** Calls with all of observability on, against calls without figures. */
  readonly observed: Observed
}

type PerContender<T> = Record<ContenderName, T>

/** All callers stay open, and take turns: whatever slows the machine for a while slows them all. */
export async function measureCalls(child: string, registry: string): Promise<Calls> {
  const { provider, origin } = await startProvider(child, registry)
  const options = { registry, origin }
  const callers = await gather((name) => startWorker(child, 'caller', { name, ...options }))

  await warmUp(callers)
  const windows = await turns(callers, IN_FLIGHT, ROUNDS)
  const perSecond = (all: PerContender<Window[]>, name: ContenderName) => all[name].map((one) => one.perSecond)
  const at32 = await gather(async (name) => ({
    perSecond: Math.round(median(perSecond(windows, name))),
    ratio: round(pairedRatio(perSecond(windows, name), perSecond(windows, 'poolRequest')), 3),
    ratioToDispatch: round(pairedRatio(perSecond(windows, name), perSecond(windows, 'poolDispatch')), 3),
    cpuMicros: round(median(windows[name].map((one) => one.cpuMicros)), 1),
    rssMb: Math.round(await callers[name].ask<number>('rssMb')),
  }))

  const load = await gather(async () => ({}) as Record<string, number>)
  for (const inFlight of LEVELS) {
    const own = await turns(callers, inFlight, LEVEL_ROUNDS)
    for (const name of NAMES) load[name][inFlight] = Math.round(median(perSecond(own, name)))
  }
  for (const name of NAMES) load[name][IN_FLIGHT] = at32[name].perSecond
  const latency = await measureLatency(callers, at32)
  await Promise.all([provider, ...Object.values(callers)].map((worker) => worker.stop()))
  const column = (name: ContenderName) => ({
    perSecond: perSecond(windows, name),
    cpuMicros: windows[name].map((one) => one.cpuMicros),
  })
  return { at32, load, latency, observed: observed(column('oursObserved'), column('oursUnobserved')) }
}

/** What all callers call: two instances, registered. */
export async function startProvider(child: string, registry: string): Promise<{ provider: Worker; origin: string }> {
  const provider = await startWorker(child, 'provider')
  const ports = await provider.ask<number[]>('ports')
  await register(
    registry,
    SERVICE,
    ports.map((port) => ({ ip: '127.0.0.1', port })),
  )
  return { provider, origin: `http://127.0.0.1:${ports[0]}` }
}

/** Before `turns`. */
export async function warmUp(callers: Readonly<Record<string, Worker>>): Promise<void> {
  for (const caller of Object.values(callers)) {
    await caller.ask('drive', { inFlight: IN_FLIGHT, ms: WINDOW_MS })
    // Before the warm-up: a collection also throws away the compiled code of what has not run since the last one.
    await caller.ask('settle')
    await caller.ask('drive', { inFlight: IN_FLIGHT, ms: WARM_UP_MS })
  }
}

/** A B C, A C B, B C A, …: none always follows the same one, whose garbage the provider may still be at. */
export async function turns<Name extends string>(
  callers: Readonly<Record<Name, Worker>>,
  inFlight: number,
  rounds: number,
): Promise<Record<Name, Window[]>> {
  const names = Object.keys(callers) as Name[]
  const windows = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Window[]>
  for (let n = 0; n < rounds; n++) {
    const first = (n * 2) % names.length
    const order = [...names.slice(first), ...names.slice(0, first)]
    for (const name of n % 2 === 0 ? order : order.reverse()) {
      await pause(SETTLE_MS)
      windows[name].push(await callers[name].ask<Window>('drive', { inFlight, ms: WINDOW_MS }))
    }
  }
  return windows
}

async function gather<T>(make: (name: ContenderName) => Promise<T>): Promise<PerContender<T>> {
  const entries = await Promise.all(NAMES.map(async (name) => [name, await make(name)] as const))
  return Object.fromEntries(entries) as PerContender<T>
}
