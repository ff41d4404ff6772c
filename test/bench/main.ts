import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { measureCalls } from './calls.js'
import { measureEvents } from './events.js'
import { measureGuard } from './guard.js'
import { measureImports } from './imports.js'
import { startChild } from './live/support/children.js'
import { measurePicks } from './picks.js'
import { printCalls, printEvents, printGuard, printImports, printPicks, printWeight, toJson } from './report.js'
import { bundle } from './support/bundle.js'
import { builtPackage } from './support/package.js'
import { measureWeight } from './weight.js'

// npm run bench [-- --json FILE]: what a typed call, the guard, a pick, an event, the import and the installation cost, beside what they stand on.
// Nothing is asserted; docs/benchmarks.md tells how to read it.

const { values: flags } = parseArgs({ options: { json: { type: 'string' } } })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
const since = performance.now()
const files = await bundle('.')
console.log(`\n${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`)

const registry = startChild(files.registry)
const [{ address }] = (await once(registry, 'message')) as [{ address: string }]
// Only now: the embedded registry does not run in production.
process.env['NODE_ENV'] = 'production'
process.env['BENCH_PACKAGE'] = builtPackage()

const loadBefore = loadavg()
const calls = await measureCalls(files.child, address)
printCalls(calls)
const guard = await measureGuard(files.child, address)
printGuard(guard)
const picks = await measurePicks(files.child, address)
printPicks(picks)
const events = await measureEvents(files.child, address)
printEvents(events)
const imports = await measureImports(builtPackage())
printImports(imports)
const weight = await measureWeight(builtPackage(), address)
printWeight(weight)

const seconds = Math.round((performance.now() - since) / 1000)
console.log(`\ndone in ${seconds} s`)
if (flags.json !== undefined) {
  const about = { when: new Date().toISOString(), node: process.version, cores: cpus().length, seconds }
  const json = {
    ...toJson({ calls, guard, picks, events, imports, weight }),
    ...about,
    load1m: [loadBefore[0], loadavg()[0]],
  }
  writeFileSync(flags.json, `${JSON.stringify(json, null, 2)}\n`)
}
process.exit()
