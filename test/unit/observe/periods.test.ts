import type { StatsPeriod } from 'nacos-sidecar'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPeriods } from '../../../src/observe/periods.js'
import { Recorder } from '../../../src/observe/recorder.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }))
afterEach(() => void vi.useRealTimers())

function setUp(periodMs = 60_000) {
  const rules = { enabled: true, maxNames: 100, maxSamples: 1, maxErrors: 1, maxTagLength: 10 }
  const recorder = new Recorder({ ...rules, excludes: [], expected: [] })
  const seen: StatsPeriod[] = []
  const periods = createPeriods({ recorder, periodMs, onPeriod: (period) => void seen.push(period) })
  const record = (times = 1) => {
    for (let n = 0; n < times; n++) recorder.record('custom', 'work', 1, { failed: false })
  }
  const counts = () => seen.map(({ operations }) => operations[0]?.count ?? 0)
  return { recorder, periods, seen, record, counts, rules }
}

test('one follows the other without a gap, and each operation is in one of them', () => {
  const { seen, record, counts } = setUp()
  record(2)
  vi.advanceTimersByTime(60_000)
  record(3)
  vi.advanceTimersByTime(120_000)
  expect(counts()).toEqual([2, 3, 0])
  expect(seen.map(({ from, to }) => to.getTime() - from.getTime())).toEqual([60_000, 60_000, 60_000])
  expect(seen.slice(1).map(({ from }) => from)).toEqual(seen.slice(0, -1).map(({ to }) => to))
})

test('the last one is shorter, and there is none after it', () => {
  const { periods, seen, record, counts } = setUp()
  record()
  vi.advanceTimersByTime(61_000)
  record(4)
  periods.close()
  periods.close()
  record()
  vi.advanceTimersByTime(600_000)
  expect(counts()).toEqual([1, 4])
  expect(seen[1]!.to.getTime() - seen[1]!.from.getTime()).toBe(1_000)
})

test('another length applies to the present one', () => {
  const { periods, seen, record } = setUp()
  vi.advanceTimersByTime(10_000)
  record()
  periods.setLength(5_000)
  vi.advanceTimersByTime(0)
  expect(seen).toHaveLength(1)
  vi.advanceTimersByTime(10_000)
  expect(seen).toHaveLength(3)
  periods.setLength(600_000)
  vi.advanceTimersByTime(599_999)
  expect(seen).toHaveLength(3)
  vi.advanceTimersByTime(1)
  expect(seen).toHaveLength(4)
})

test('switched off there are none; what came before is still reported', () => {
  const { recorder, seen, record, counts, rules } = setUp()
  record()
  recorder.configure({ ...rules, enabled: false, excludes: [], expected: [] })
  record()
  vi.advanceTimersByTime(300_000)
  expect(counts()).toEqual([1])
  recorder.configure({ ...rules, excludes: [], expected: [] })
  record()
  vi.advanceTimersByTime(60_000)
  expect(counts()).toEqual([1, 1])
  expect(seen[1]!.operations[0]!.name).toBe('work')
})
