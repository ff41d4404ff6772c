import { cpus, loadavg } from 'node:os'
import type { Calls } from './calls.js'
import { CONTENDERS, NAMES } from './contenders/contender.js'
import type { Events } from './events.js'
import type { GuardResults, Observed } from './guard.js'
import type { ImportFigures } from './imports.js'
import { table } from './live/support/table.js'
import type { Picks } from './picks.js'
import { EVENT_SIDES } from './roles/events.js'
import type { Weight } from './weight.js'

export interface Measured {
  readonly calls: Calls
  readonly guard: GuardResults
  readonly picks: Picks
  /** Why they could not be measured, where there is no RabbitMQ. */
  readonly events: Events | string
  readonly imports: Readonly<Record<'ours' | 'axios', ImportFigures>>
  readonly weight: Weight
}

/** A ratio of a noisy machine is worth little: the load stands beside every table. */
export function title(text: string): void {
  const [load] = loadavg()
  console.log(`\n  ${text}  (load ${load!.toFixed(1)} on ${cpus().length} cores)`)
}

export function printCalls({ at32, load, latency, observed }: Calls): void {
  title('calls at 32 in flight; CPU and RSS are the client process')
  const head = ['', 'calls/s', '÷ pool.request', '÷ pool.dispatch', 'CPU µs/call', 'RSS MB']
  const rows = NAMES.map((name) => {
    const { perSecond, ratio, ratioToDispatch, cpuMicros, rssMb } = at32[name]
    const ratios = [ratio.toFixed(2), ratioToDispatch.toFixed(2)]
    return [CONTENDERS[name], perSecond, ...ratios, cpuMicros.toFixed(1), rssMb]
  })
  console.log(table(head, rows))

  console.log(`  all of observability on ÷ off: ${observedText(observed)}`)

  title('calls/s by calls in flight')
  const levels = Object.keys(load.ours)
  console.log(
    table(
      ['', ...levels],
      NAMES.map((name) => [CONTENDERS[name], ...levels.map((level) => load[name][level]!)]),
    ),
  )
  printLatency(latency)
}

function printLatency(latency: Calls['latency']): void {
  title('latency of an open loop, in ms; a typed call and pool.request at the same rate')
  const rows = Object.entries(latency).flatMap(([name, shares]) =>
    Object.entries(shares).map(([share, { perSecond, p50, p99, p999 }]) => [
      ...[
        `${CONTENDERS[name as keyof typeof latency]}, ${share === 'half' ? '50' : '90'} %`,
        perSecond,
        p50,
        p99,
        p999,
      ],
    ]),
  )
  console.log(table(['', 'calls/s', 'p50', 'p99', 'p99.9'], rows))
}

export function printGuard(results: GuardResults): void {
  title('guard, decision cached: requests/s at 32 in flight, ÷ the bare app, CPU of the app process')
  const rows = Object.entries(results).flatMap(([framework, { perSecond, ratio, cpuMicros }]) =>
    (['bare', 'idle', 'open', 'guarded', 'unobserved', 'observed', 'guardOnly'] as const).map((side) => [
      ...[`${framework}, ${SIDES[side]}`, perSecond[side], ratio[side].toFixed(2), cpuMicros[side].toFixed(1)],
    ]),
  )
  console.log(table(['', 'requests/s', '÷ bare', 'CPU µs/request'], rows))
  const observed = Object.entries(results).map(([framework, one]) => `${framework} ${observedText(one.observed)}`)
  console.log(`  all of observability on ÷ off: ${observed.join(', ')}`)
}

function observedText({ onOverOff, perCallUs }: Observed): string {
  return `${onOverOff.toFixed(3)} (${perCallUs.toFixed(2)} µs)`
}

const SIDES = {
  bare: 'bare',
  open: 'sidecar, auth off',
  guarded: 'guarded',
  idle: 'auth, figures and context off',
  unobserved: 'guarded, figures off',
  observed: 'guarded, all of observability on',
  guardOnly: 'guarded, forward-context off',
} as const

export function printPicks(picks: Picks): void {
  title('picks with their report, by number of instances')
  const rows = Object.entries(picks).map(([size, { perSecond, bytes }]) => [
    ...[size, (perSecond / 1e6).toFixed(1), bytes],
  ])
  console.log(table(['', 'M picks/s', 'bytes/pick'], rows))
}

export function printEvents(events: Events | string): void {
  title('events over RabbitMQ, emitted with confirm and handled by the same process')
  if (typeof events === 'string') return console.log(`  not measured: ${events}`)
  const rows = Object.entries(EVENT_SIDES).map(([name, text]) => {
    const { perSecond, ratio, cpuMicros } = events[name as keyof Events]
    return [text, perSecond, ratio.toFixed(2), cpuMicros.toFixed(1)]
  })
  console.log(table(['', 'events/s', '÷ amqplib', 'CPU µs/event'], rows))
}

export function printImports(imports: Measured['imports']): void {
  title('import')
  const rows = Object.entries(imports).map(([name, { ms, rssMb }]) => [name, ms, rssMb])
  console.log(table(['', 'ms', 'RSS MB'], rows))
}

export function printWeight({ packages, idle, start }: Weight): void {
  title('installed packages, and a member that nothing calls')
  console.log(
    table(
      ['packages', 'guarded after ms', 'ready after ms', 'RSS MB'],
      [[packages, idle.guardedMs, idle.readyMs, idle.rssMb]],
    ),
  )
  title('from the start of a process until its app listens')
  console.log(
    table(
      ['node app.mjs ms', 'nacos-sidecar run app.mjs ms', 'overhead ms'],
      [[start.bareMs, start.runMs, start.overheadMs]],
    ),
  )
}

/** What `--json` writes; docs/benchmarks.md describes it. */
export function toJson({ calls, guard, picks, events, imports, weight }: Measured) {
  const map = <T, R>(record: Readonly<Record<string, T>>, value: (one: T) => R) =>
    Object.fromEntries(Object.entries(record).map(([key, one]) => [key, value(one)]))
  return {
    typedCall: map(calls.at32, ({ perSecond }) => perSecond),
    guard: map(guard, ({ ratio }) => ratio.guarded),
    picksPerSecond: map(picks, ({ perSecond }) => perSecond),
    ...(typeof events !== 'string' && { events: { perSecond: events.ours.perSecond, ratio: events.ours.ratio } }),
    importMs: map(imports, ({ ms }) => ms),
    packages: weight.packages,
    rssMb: weight.idle.rssMb,
    load: calls.load,
    latency: calls.latency,
    observe: {
      onOverOff: { typedCall: calls.observed.onOverOff, ...map(guard, ({ observed }) => observed.onOverOff) },
      perCallUs: { typedCall: calls.observed.perCallUs, ...map(guard, ({ observed }) => observed.perCallUs) },
    },
    detail: {
      ...{ calls: calls.at32, guard, bytesPerPick: map(picks, ({ bytes }) => bytes), imports },
      ...{ events, idle: weight.idle, start: weight.start },
    },
  }
}
