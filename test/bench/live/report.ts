import { cpus, totalmem } from 'node:os'
import { CONTENDERS, type ContenderName } from './contenders/contender.js'
import type { Result } from './scenarios/scenario.js'
import type { Watched } from './scenarios/watched.js'
import type { Latencies } from './support/latencies.js'
import { table } from './support/table.js'
import type { Usage } from './support/usage.js'

export type PerContender<T> = Partial<Record<ContenderName, Result<T>>>

export interface Idle extends Usage {
  /** Over HTTP, in the window. */
  readonly requestsPerSecond: number
}

export interface ServerReport {
  readonly name: string
  /** Why there is nothing else. */
  readonly missing?: string
  registerToSeen?: PerContender<Latencies>
  publishToListener?: PerContender<Latencies>
  idle?: PerContender<Idle>
  watched?: { readonly registered: number } & PerContender<Watched>
}

/** What `--json` writes; docs/benchmarks.md describes it. */
export interface Report {
  readonly when: string
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGb: number; readonly node: string }
  readonly servers: ServerReport[]
  failing?: PerContender<Idle>
  seconds?: number
}

export function newReport(): Report {
  const cores = cpus()
  return {
    when: new Date().toISOString(),
    machine: {
      cpu: cores[0]?.model ?? 'unknown',
      cores: cores.length,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
    servers: [],
  }
}

export function printLatencies(title: string, results: PerContender<Latencies>): void {
  print(title, ['', 'p50 ms', 'p99 ms', 'seen', 'missed'], results, (one) => [
    one.p50Ms,
    one.p99Ms,
    one.samples,
    one.missed,
  ])
}

export function printIdle(title: string, results: PerContender<Idle>): void {
  print(title, ['', 'requests/s', 'CPU %', 'RSS MB', 'heap MB', 'sockets'], results, (one) => [
    one.requestsPerSecond,
    one.cpuPercent,
    one.rssMb,
    one.heapMb,
    one.sockets,
  ])
}

export function printWatched(title: string, results: PerContender<Watched>): void {
  const head = ['', 'complete', 'after ms', 'CPU %', 'RSS MB', 'at start', 'heap MB', 'sockets']
  print(title, head, results, (one) => [
    ...[one.complete, one.filledMs ?? '-', one.cpuPercent, one.rssMb, one.baseRssMb, one.heapMb, one.sockets],
  ])
}

function print<T extends object>(
  title: string,
  head: readonly string[],
  results: PerContender<T>,
  cells: (one: T) => (string | number)[],
): void {
  const notes: string[] = []
  const rows = (Object.keys(CONTENDERS) as ContenderName[]).flatMap((name) => {
    const one = results[name]
    if (!one) return []
    if (!('notAvailable' in one)) return [[CONTENDERS[name], ...cells(one)]]
    notes.push(`  ${CONTENDERS[name]}: n/a, ${one.notAvailable}`)
    return [[CONTENDERS[name], ...head.slice(1).map(() => 'n/a')]]
  })
  console.log([``, `  ${title}`, table(head, rows), ...notes].join('\n'))
}
