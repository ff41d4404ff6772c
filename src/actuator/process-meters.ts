import { availableParallelism, cpus, loadavg } from 'node:os'
import { single, type Meter } from './meter.js'

/** Shorter than that apart, two readings of the CPU time say nothing. */
const MIN_MS = 500

/** What Micrometer says of a process, and Node can say too. */
export function processMeters(): Meter[] {
  const own = createUsage(() => {
    const { user, system } = process.cpuUsage()
    return { busyMs: (user + system) / 1000, wholeMs: performance.now() * availableParallelism() }
  })
  const system = createUsage(() => {
    const times = cpus().map((cpu) => cpu.times)
    const sum = (part: (one: (typeof times)[number]) => number) => times.reduce((all, one) => all + part(one), 0)
    return {
      busyMs: sum(({ user, nice, sys, irq }) => user + nice + sys + irq),
      wholeMs: sum(({ user, nice, sys, irq, idle }) => user + nice + sys + irq + idle),
    }
  })
  const startSeconds = Date.now() / 1000 - process.uptime()
  return [
    single('gauge', 'process.uptime', 'How long this process runs', () => process.uptime(), 'seconds'),
    single('gauge', 'process.start.time', 'When this process started, since 1970', () => startSeconds, 'seconds'),
    single('gauge', 'process.cpu.usage', 'Share of the CPUs that this process uses', own),
    single('gauge', 'system.cpu.usage', 'Share of the CPUs that is in use', system),
    single('gauge', 'system.cpu.count', 'CPUs that this process may use', () => availableParallelism()),
    single('gauge', 'system.load.average.1m', 'Processes that run or wait, over a minute', () => loadavg()[0]),
  ]
}

/** The share that is busy, from 0 to 1, between two readings. */
function createUsage(read: () => { readonly busyMs: number; readonly wholeMs: number }): () => number {
  let last = { busyMs: 0, wholeMs: 0 }
  let readAt = -Infinity
  let usage = 0
  return () => {
    if (performance.now() - readAt < MIN_MS) return usage
    readAt = performance.now()
    const now = read()
    const wholeMs = now.wholeMs - last.wholeMs
    if (wholeMs > 0) usage = Math.min(1, Math.max(0, (now.busyMs - last.busyMs) / wholeMs))
    last = now
    return usage
  }
}
