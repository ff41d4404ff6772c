import { setTimeout as pause } from 'node:timers/promises'
import type { StatsPeriod, StatsReporter } from 'nacos-sidecar'
import { describe, expect, test, vi } from 'vitest'
import { createReporting } from '../../../src/observe/reporting.js'
import { collectLog } from '../../support/collect.js'

const period = (n: number): StatsPeriod => ({ from: new Date(n), to: new Date(n + 1), operations: [] })

function setUp(report: StatsReporter['report'], reportMs?: number) {
  const logger = collectLog()
  const close = vi.fn()
  const reported = vi.fn(report)
  const reporting = createReporting({ reporter: { report: reported, close }, logger, reportMs })
  const seen = () => reported.mock.calls.map(([{ from }]) => from.getTime())
  return { reporting, logger, seen, close }
}

test('each period once, in order, one at a time, then `close`', async () => {
  let active = 0
  const { reporting, seen, close, logger } = setUp(async () => {
    expect(++active).toBe(1)
    await pause(1)
    active--
  })
  for (const n of [1, 2, 3]) reporting.add(period(n))
  await reporting.close(5_000)
  expect(seen()).toEqual([1, 2, 3])
  expect(close).toHaveBeenCalledOnce()
  expect(logger.lines).toEqual([])
})

describe.each([
  ['throws', () => { throw new Error('no route') }], // prettier-ignore
  ['rejects', () => Promise.reject(new Error('no route'))],
] as const)('a reporter that %s', (_, fail) => {
  test('is called again after the next period; one warning, and one line when it is well again', async () => {
    let broken = true
    const { reporting, seen, logger } = setUp(() => (broken ? fail() : undefined))
    for (const n of [1, 2, 3]) {
      reporting.add(period(n))
      await vi.waitFor(() => expect(seen()).toHaveLength(n))
      await pause(1)
    }
    expect(seen()).toEqual([1, 1, 1])
    broken = false
    reporting.add(period(4))
    await reporting.close(5_000)
    expect(seen()).toEqual([1, 1, 1, 1, 2, 3, 4])
    expect(logger.lines.filter((line) => !line.startsWith('debug'))).toEqual([
      'warn observe: a report of figures failed: no route; it is tried again after the next period',
      'info observe: figures are reported again after 3 failed reports',
    ])
  })
})

test('so many as ten periods wait for it, then the oldest is dropped, and that is said', async () => {
  let broken = true
  const { reporting, seen, logger } = setUp(() => (broken ? Promise.reject(new Error('down')) : undefined))
  for (let n = 0; n < 25; n++) {
    reporting.add(period(n))
    await pause(1)
  }
  const before = seen().length
  broken = false
  reporting.add(period(25))
  await reporting.close(5_000)
  expect(seen().slice(before)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25])
  expect(logger.lines.at(-1)).toMatch(
    /^info observe: figures are reported again after \d+ failed reports; 16 periods were dropped$/,
  )
})

test('one that hangs has its signal aborted, and reports go on when it has ended', async () => {
  let first = true
  const { reporting, seen, logger } = setUp((_, { signal }) => {
    if (!first) return
    first = false
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  }, 20)
  reporting.add(period(1))
  await vi.waitFor(() => expect(logger.lines).toHaveLength(1))
  expect(logger.lines[0]).toBe(
    'warn observe: a report of figures failed: no answer within 20 ms; it is tried again after the next period',
  )
  reporting.add(period(2))
  await reporting.close(5_000)
  expect(seen()).toEqual([1, 1, 2])
})

test('one that hangs and ignores its signal is not called a second time, and does not hold up the end', async () => {
  const { reporting, seen, logger } = setUp(() => new Promise(() => {}), 20)
  reporting.add(period(1))
  await vi.waitFor(() => expect(logger.lines).toHaveLength(1))
  for (let n = 2; n < 40; n++) reporting.add(period(n))
  const since = performance.now()
  await reporting.close(50)
  expect(performance.now() - since).toBeLessThan(2_000)
  expect(seen()).toEqual([1])
})

test('while leaving, a failure is no warning', async () => {
  const { reporting, logger } = setUp(() => Promise.reject(new Error('down')))
  reporting.add(period(1))
  await reporting.close(1_000)
  expect(logger.lines.filter((line) => !line.startsWith('debug'))).toEqual([])
})
