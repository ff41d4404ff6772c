import { Worker } from 'node:worker_threads'

const TICK_MS = 5
/** On a machine that runs, a thread that only sleeps is woken this late at the most. */
const USUAL_MS = 10
const SLOTS = 4096

/** Sleeps and looks at the clock; nothing of the tests or of the library runs in this thread. */
const WATCH = `
  const { ends, lengths, last, TICK_MS, USUAL_MS } = require('node:worker_threads').workerData
  const idle = new Int32Array(new SharedArrayBuffer(4))
  for (let slot = 0; ; ) {
    last[0] = performance.timeOrigin + performance.now()
    Atomics.wait(idle, 0, 0, TICK_MS)
    const end = performance.timeOrigin + performance.now()
    const late = end - last[0] - TICK_MS
    if (late <= USUAL_MS) continue
    lengths[slot] = late
    ends[slot] = end
    slot = (slot + 1) % ends.length
  }`

const shared = (length: number) => new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT))
const ends = shared(SLOTS)
const lengths = shared(SLOTS)
/** When the thread fell asleep; 0 before it watches. */
const last = shared(1)

/** Watches from now on, in a thread that keeps no process. */
export function watchPauses(): void {
  new Worker(WATCH, { eval: true, workerData: { ends, lengths, last, TICK_MS, USUAL_MS } }).unref()
}

/**
 * How long, in ms, the whole machine stood still since then: no process ran, whatever it had to do. A loop that is
 * blocked, in a test or in the library, is no such time.
 *
 * @param since by `performance.now()`
 */
export function pausedSince(since: number): number {
  const from = performance.timeOrigin + since
  const asleep = last[0]!
  // The thread may not have written the last one yet.
  const late = asleep === 0 ? 0 : performance.timeOrigin + performance.now() - asleep - TICK_MS
  const present = late > USUAL_MS ? Math.min(late, performance.now() - since) : 0
  return ends.reduce((sum, end, slot) => {
    return end > asleep ? sum : sum + Math.max(0, Math.min(lengths[slot]!, end - from))
  }, present)
}
