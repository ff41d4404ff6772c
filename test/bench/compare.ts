import { once } from 'node:events'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { IN_FLIGHT, startProvider, turns, warmUp } from './calls.js'
import { CONTENDERS, type ContenderName } from './contenders/contender.js'
import { FRAMEWORKS, measureSides, type Side } from './guard.js'
import { startChild } from './live/support/children.js'
import { table } from './live/support/table.js'
import { title } from './report.js'
import { bundle } from './support/bundle.js'
import type { Window } from './support/drive.js'
import { builtPackage } from './support/package.js'
import { median, pairedRatio } from './support/statistics.js'
import { startWorker, type Worker } from './support/worker.js'

// npm run bench:compare [-- --against FOLDER]: the typed call and the guard alone, beside what they stand on and
// beside another build of this package (FOLDER/dist). docs/benchmarks.md tells how to read it.

const { values: flags } = parseArgs({ options: { against: { type: 'string' } } })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
const against = flags.against === undefined ? undefined : pathToFileURL(resolve(flags.against, 'dist/index.js')).href
const BEFORE = 'of --against'
const APP_PROCESSES = 3
const CALL_PROCESSES = 2
const CALL_ROUNDS = 8

const files = await bundle('.')
console.log(`\n${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`)
const [{ address: registry }] = (await once(startChild(files.registry), 'message')) as [{ address: string }]
process.env['NODE_ENV'] = 'production'
process.env['BENCH_PACKAGE'] = builtPackage()

await compareCalls()
for (const framework of FRAMEWORKS) await compareApps(framework)
process.exit()

async function compareCalls(): Promise<void> {
  const { provider, origin } = await startProvider(files.child, registry)
  const sides: { label: string; name: ContenderName; build?: string | undefined }[] = (
    ['poolDispatch', 'poolRequest', 'poolRequestSameHeaders', 'ours'] as const
  ).map((name) => ({ label: CONTENDERS[name], name }))
  if (against !== undefined) sides.push({ label: `${CONTENDERS.ours} ${BEFORE}`, name: 'ours', build: against })
  const found: Record<string, Window[]> = Object.fromEntries(sides.map(({ label }) => [label, []]))
  for (let n = 0; n < CALL_PROCESSES; n++) {
    const callers: Record<string, Worker> = {}
    for (const { label, ...options } of n % 2 === 0 ? sides : [...sides].reverse())
      callers[label] = await startWorker(files.child, 'caller', { ...options, registry, origin })
    await warmUp(callers)
    const windows = await turns(callers, IN_FLIGHT, CALL_ROUNDS)
    for (const { label } of sides) found[label]!.push(...windows[label]!)
    await Promise.all(Object.values(callers).map((caller) => caller.stop()))
  }
  await provider.stop()
  const rate = (label: string) => found[label]!.map((one) => one.perSecond)
  const cpu = (label: string) => found[label]!.map((one) => one.cpuMicros)
  title('calls at 32 in flight')
  console.log(
    table(
      ['', 'calls/s', '÷ pool.dispatch', '÷ pool.request', 'CPU µs/call', 'lowest tenth'],
      sides.map(({ label }) => [
        ...[label, Math.round(median(rate(label)))],
        ...(['poolDispatch', 'poolRequest'] as const).map((base) =>
          pairedRatio(rate(label), rate(CONTENDERS[base])).toFixed(2),
        ),
        ...[median(cpu(label)).toFixed(1), lowest(cpu(label)).toFixed(1)],
      ]),
    ),
  )
}

async function compareApps(framework: (typeof FRAMEWORKS)[number]): Promise<void> {
  const side = (name: Side['name'], build?: string): Side => ({ framework, name, build, perSecond: [], cpuMicros: [] })
  const bare = side('bare')
  const sides = [bare, side('idle'), side('guarded'), side('unobserved'), side('guardOnly')]
  if (against !== undefined) sides.push(side('guarded', against), side('guardOnly', against))
  await measureSides(files.child, registry, sides, APP_PROCESSES)
  title(
    `${framework}: decision cached; idle has auth, figures and context off, unobserved figures, guardOnly the context`,
  )
  console.log(
    table(
      ['', 'requests/s', '÷ bare', 'CPU µs/request', 'lowest tenth'],
      sides.map(({ name, build, perSecond, cpuMicros }) => [
        ...[build === undefined ? name : `${name} ${BEFORE}`, Math.round(median(perSecond))],
        ...[pairedRatio(perSecond, bare.perSecond).toFixed(2), median(cpuMicros).toFixed(1)],
        lowest(cpuMicros).toFixed(1),
      ]),
    ),
  )
}

/** What is least disturbed by what else the machine does. */
function lowest(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 10)]!
}
