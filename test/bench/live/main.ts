import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { recordingProxy } from '../../contract/support/recording-proxy.js'
import { messageOf } from '../../../src/errors.js'
import { EVERYWHERE, type ContenderName } from './contenders/contender.js'
import {
  newReport,
  printIdle,
  printLatencies,
  printWatched,
  type Idle,
  type PerContender,
  type ServerReport,
} from './report.js'
import { idleDocuments, type IdleUsage } from './scenarios/idle.js'
import { publishedDocuments } from './scenarios/publish-to-listener.js'
import type { Job, Result, ScenarioName } from './scenarios/scenario.js'
import type { Watched } from './scenarios/watched.js'
import { bundle } from '../support/bundle.js'
import { startFailingRegistry } from './support/failing-registry.js'
import { fill, publishFirst } from './support/fill.js'
import type { Latencies } from './support/latencies.js'
import { runChild } from './support/run-child.js'
import { SERVER_NAMES, startServer, type BenchServer, type ServerName } from './support/servers.js'

// npm run bench:live [-- --json FILE] [--servers embedded,r-nacos,nacos]: how live each client is, and what it costs.
// Nothing is asserted; docs/benchmarks.md tells how to read it.

const { values: flags } = parseArgs({ options: { json: { type: 'string' }, servers: { type: 'string' } } })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
const since = performance.now()
const files = await bundle('live')
const report = newReport()
const { cpu, cores, memoryGb, node } = report.machine
console.log(`\n${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}`)

// The slow ones start while the failing registry is measured, which needs none of them.
const starting = wanted(flags.servers).map((name) => {
  const server = startServer(name, files.registry)
  server.catch(() => {}) // heard below
  return { name, server }
})
report.failing = await measureFailing()
for (const { name, server } of starting) {
  const own: ServerReport = await server.then(measure, (error: unknown) => {
    console.log(`\n${name}: not measured, ${messageOf(error)}`)
    return { name, missing: messageOf(error) }
  })
  report.servers.push(own)
}
report.seconds = Math.round((performance.now() - since) / 1000)
console.log(`\ndone in ${report.seconds} s`)
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`)
process.exit()

async function measure(server: BenchServer): Promise<ServerReport> {
  console.log(`\n${server.name}`)
  const own: ServerReport = { name: server.name }
  try {
    const run = newRun()
    const documents = EVERYWHERE.flatMap((name) => [...publishedDocuments(run, name), ...idleDocuments(run, name)])
    await publishFirst(server.server, documents)

    // All of them mostly wait, and CPU time is counted per process.
    const [seen, heard, idle] = await Promise.all([
      everyone<Latencies>('registerToSeen', server, run, [...EVERYWHERE, 'bareGrpc']),
      everyone<Latencies>('publishToListener', server, run),
      measureIdle(server, run),
    ])
    own.registerToSeen = seen
    own.publishToListener = heard
    own.idle = idle
    printLatencies('register → seen by a consumer', seen)
    printLatencies('publish → listener', heard)
    printIdle('idle: 1 instance, 10 services and 5 documents followed', idle)

    const registered = await fill(server, run)
    const watched = await everyone<Watched>('watched', server, run)
    own.watched = { registered, ...watched }
    printWatched(`1,000 services × 10 instances followed (${registered} registered)`, watched)
  } finally {
    await server.stop()
  }
  return own
}

async function everyone<T>(
  scenario: ScenarioName,
  server: BenchServer,
  run: string,
  names = EVERYWHERE,
): Promise<PerContender<T>> {
  const { server: address, grpcPort } = server
  return gather((contender) => runChild<T>(files.child, { scenario, contender, server: address, grpcPort, run }), names)
}

/** Each behind a proxy of its own that counts its requests. */
function measureIdle({ server, grpcPort }: BenchServer, run: string): Promise<PerContender<Idle>> {
  return gather(async (contender) => {
    const proxy = await recordingProxy(server)
    const job = { scenario: 'idle', contender, server: proxy.server, grpcPort, run } as const
    const { lacking, idle } = await counted(job, () => proxy.requests.length)
    await proxy.close()
    return lacking === undefined ? idle : { notAvailable: lacking }
  })
}

async function measureFailing(): Promise<PerContender<Idle>> {
  const results = await gather(async (contender) => {
    const registry = await startFailingRegistry()
    const job = { scenario: 'idle', contender, server: registry.server, run: newRun() } as const
    // The registry is down: this measures what a client does meanwhile.
    const { idle } = await counted(job, () => registry.requests)
    registry.stop()
    return idle
  })
  console.log('\na registry that answers every request with 500')
  printIdle('idle: 1 instance, 10 services and 5 documents asked for', results)
  return results
}

async function counted(job: Job, requests: () => number): Promise<{ lacking?: string; idle: Result<Idle> }> {
  const edges: { requests: number; atMs: number }[] = []
  const window = () => void edges.push({ requests: requests(), atMs: performance.now() })
  const result = await runChild<IdleUsage>(files.child, job, { window })
  const [opened, closed] = edges
  if ('notAvailable' in result || !opened || !closed) return { idle: result as Result<Idle> }
  const { lacking, ...usage } = result
  const perSecond = ((closed.requests - opened.requests) / (closed.atMs - opened.atMs)) * 1000
  const idle = { ...usage, requestsPerSecond: Math.round(perSecond * 10) / 10 }
  return { idle, ...(lacking !== undefined && { lacking }) }
}

/** All contenders at the same time: they wait more than they work. */
async function gather<T>(
  run: (contender: ContenderName) => Promise<Result<T>>,
  names = EVERYWHERE,
): Promise<PerContender<T>> {
  const results = await Promise.all(names.map(async (name) => [name, await run(name)] as const))
  return Object.fromEntries(results) as PerContender<T>
}

function newRun(): string {
  return `b${randomBytes(3).toString('hex')}`
}

function wanted(list: string | undefined): readonly ServerName[] {
  if (list === undefined) return SERVER_NAMES
  const names = list.split(',') as ServerName[]
  const stranger = names.find((name) => !SERVER_NAMES.includes(name))
  if (stranger) throw new Error(`--servers knows ${SERVER_NAMES.join(', ')}, not ${stranger}`)
  return names
}
