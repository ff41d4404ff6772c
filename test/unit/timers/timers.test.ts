import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TimerOptions, TimerSchedule, TimerWork } from 'nacos-sidecar'
import { createTimers } from '../../../src/timers/timers.js'
import { createWorkRunner } from '../../../src/work/runner.js'
import { collectEvents, collectFigures, collectLog } from '../../support/collect.js'

/** Timers on a clock that the test moves. */
function startTimers(isFirst?: () => boolean | undefined) {
  const recorder = collectFigures()
  const { emit, seen } = collectEvents()
  const logger = collectLog()
  const timers = createTimers({
    work: createWorkRunner(recorder),
    logger,
    emit,
    isFirstInstance: async () => isFirst?.(),
  })
  timers.start()
  return { timers, recorder, seen, lines: logger.lines }
}

const raise = (error: Error): never => {
  throw error
}

/** When a timer began, in ms since the test did. */
async function beginsOf(schedule: TimerSchedule, forMs: number, options: TimerOptions = {}, takesMs = 0) {
  const { timers } = startTimers()
  const from = Date.now()
  const begins: number[] = []
  const work = async () => {
    begins.push(Date.now() - from)
    if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs))
  }
  timers.add('work', schedule, work, options)
  await vi.advanceTimersByTimeAsync(forMs)
  timers.stop()
  return { begins, status: timers }
}

const at = (text: string) => vi.setSystemTime(new Date(text))
const HOUR = 3_600_000

describe('timers', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  test('every: on a grid, whatever the work takes', async () => {
    expect((await beginsOf({ every: 100 }, 450, {}, 30)).begins).toEqual([100, 200, 300, 400])
    expect((await beginsOf({ every: '1s' }, 2_500, { eager: true })).begins).toEqual([0, 1_000, 2_000])
  })

  test.each([
    ['skip', [100, 400, 700]],
    ['wait', [100, 350, 600, 850]],
    ['allow', [100, 200, 300, 400, 500, 600, 700, 800]],
  ] as const)('overlap: %s', async (overlap, expected) => {
    expect((await beginsOf({ every: 100 }, 850, { overlap }, 250)).begins).toEqual(expected)
  })

  test('a run that takes too long is aborted, and the next one comes', async () => {
    const { timers, recorder, seen, lines } = startTimers()
    const aborted: unknown[] = []
    const work: TimerWork = ({ signal }) =>
      new Promise(() => signal.addEventListener('abort', () => aborted.push((signal.reason as Error).message)))
    timers.add('slow', { every: 100 }, work, { timeout: 50 })
    await vi.advanceTimersByTimeAsync(310)
    expect(aborted).toEqual(['the timer "slow" is not done within 50 ms', 'the timer "slow" is not done within 50 ms'])
    expect(seen).toMatchObject([
      { event: 'timerFailed', payload: { name: 'slow', error: { code: 'SIDECAR_TIMER_TIMEOUT' } } },
      { event: 'timerFailed' },
    ])
    expect(lines[0]).toBe('error the timer "slow" failed: the timer "slow" is not done within 50 ms')
    expect(recorder.stats()).toMatchObject([{ kind: 'timer', name: 'slow', count: 2, errors: 2 }])
    timers.stop()
  })

  test('a run that throws is logged without a secret, and the next one comes', async () => {
    const { timers, lines } = startTimers()
    let runs = 0
    timers.add('bad', { every: 100 }, () => {
      runs++
      throw new Error('no connection to pg://app:hunter2@db')
    })
    await vi.advanceTimersByTimeAsync(250)
    expect(runs).toBe(2)
    expect(lines).toEqual(Array(2).fill('error the timer "bad" failed: no connection to pg://app:***@db'))
    expect(timers.status()).toMatchObject([
      { name: 'bad', schedule: 'every 100 ms', runs: 2, failures: 2, lastError: 'no connection to pg://app:***@db' },
    ])
    timers.stop()
  })

  test('cron: at its times, by seconds too', async () => {
    at('2026-03-02T10:00:00.000Z')
    expect((await beginsOf({ cron: '*/20 * * * * *', timezone: 'UTC' }, 61_000)).begins).toEqual([
      20_000, 40_000, 60_000,
    ])
  })

  test('cron: on both days when the clocks of Berlin change, a night has one run', async () => {
    const nightly = { cron: '0 30 2 * * *', timezone: 'Europe/Berlin' }
    at('2026-03-28T22:00:00.000Z') // 02:30 is missing on the 29th: 02:00 is followed by 03:00
    const spring = (await beginsOf(nightly, 27 * HOUR)).begins.map(
      (ms) => new Date(Date.parse('2026-03-28T22:00:00Z') + ms),
    )
    expect(spring.map((date) => date.toISOString())).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'])
    at('2026-10-24T22:00:00.000Z') // 02:30 is there twice on the 25th
    const autumn = (await beginsOf(nightly, 28 * HOUR)).begins.map(
      (ms) => new Date(Date.parse('2026-10-24T22:00:00Z') + ms),
    )
    expect(autumn.map((date) => date.toISOString())).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
  })

  test('a clock that is set forward by an hour: what was missed runs once, within half a minute', async () => {
    at('2026-03-02T10:00:00.000Z')
    const { timers } = startTimers()
    let runs = 0
    timers.add('minutes', { cron: '* * * * *', timezone: 'UTC' }, () => void runs++)
    timers.add('steady', { every: '1h' }, () => void (runs += 100))
    await vi.advanceTimersByTimeAsync(10_000)
    at('2026-03-02T11:00:10.000Z')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(runs).toBe(1)
    timers.stop()
  })

  test('a clock that is set back by an hour: each minute goes on, and a nightly run is not repeated', async () => {
    at('2026-03-02T02:29:30.000Z')
    const { timers } = startTimers()
    const runs = { minutes: 0, nightly: 0 }
    timers.add('minutes', { cron: '* * * * *', timezone: 'UTC' }, () => void runs.minutes++)
    timers.add('nightly', { cron: '30 2 * * *', timezone: 'UTC' }, () => void runs.nightly++)
    await vi.advanceTimersByTimeAsync(40_000)
    expect(runs).toEqual({ minutes: 1, nightly: 1 })
    at('2026-03-02T01:30:10.000Z')
    await vi.advanceTimersByTimeAsync(2 * HOUR)
    expect(runs.nightly).toBe(1)
    expect(runs.minutes).toBeGreaterThan(118)
    timers.stop()
  })

  test('one: runs on the first instance only, and says why it does not where the registry lists none', async () => {
    let first: boolean | undefined = false
    const { timers, lines } = startTimers(() => first)
    let runs = 0
    const timer = timers.add('single', { every: 100 }, () => void runs++, { on: 'one' })
    await vi.advanceTimersByTimeAsync(250)
    expect([runs, timers.status()[0]!.skipped]).toEqual([0, 2])
    first = true
    await vi.advanceTimersByTimeAsync(100)
    expect(runs).toBe(1)
    first = undefined
    await vi.advanceTimersByTimeAsync(200)
    expect(runs).toBe(1)
    expect(lines).toEqual([
      'warn the timer "single" runs on one instance of the service only, and this one is not registered: its ticks are left out',
    ])
    await timer.run() // by hand, wherever it is
    expect(runs).toBe(2)
    timers.stop()
  })

  test('stop: no further run; the name is free; what runs is awaited, and aborted when the time is over', async () => {
    const { timers } = startTimers()
    const aborted = vi.fn()
    const timer = timers.add('a', { every: 100 }, ({ signal }) => {
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => (aborted(), resolve())))
    })
    await vi.advanceTimersByTimeAsync(100)
    timer.stop()
    timers.add('a', { every: 100 }, () => {}).stop()
    expect(timers.busy).toBe(true)
    timers.stop()
    const over = new AbortController()
    const finished = timers.finish(over.signal)
    over.abort(new Error('over'))
    await finished
    expect([aborted.mock.calls.length, timers.busy, vi.getTimerCount()]).toEqual([1, false, 0])
    await expect(timer.run()).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    expect(() => timers.add('b', { every: 1 }, () => {})).toThrow(expect.objectContaining({ code: 'SIDECAR_STOPPED' }))
  })

  test.each<[string, unknown, unknown?, unknown?]>([
    ['no schedule', undefined],
    ['both', { every: 1, cron: '* * * * *' }],
    ['a negative time', { every: -1 }],
    ['no duration', { every: 'soon' }],
    ['a month', { every: '30d' }],
    ['no pattern', { cron: 'every night' }],
    ['no time zone', { cron: '* * * * *', timezone: 'Europe/Bonn' }],
    ['a date that never comes', { cron: '0 0 0 31 2 *' }],
    ['no function', { every: 1 }, 'work'],
    ['no overlap', { every: 1 }, () => {}, { overlap: 'queue' }],
    ['no place', { every: 1 }, () => {}, { on: 'all' }],
    ['no timeout', { every: 1 }, () => {}, { timeout: 0 }],
    ['an interval without text', { every: Object.create(null) as unknown }],
    ['a time zone that is no text', { cron: '* * * * *', timezone: 5 }],
    ['a time zone beside dates', { cron: { nextRun: () => null }, timezone: 'Europe/Berlin' }],
    ['dates that fail', { cron: { nextRun: () => raise(new Error('boom')) } }],
    ['dates in the past', { cron: { nextRun: () => new Date(0) } }],
    ['dates that stay', { cron: { nextRun: (after: Date) => after } }],
    ['dates that are none', { cron: { nextRun: () => new Date(NaN) } }],
  ])('refuses %s', (_, schedule, work = () => {}, options = {}) => {
    const { timers } = startTimers()
    const add = () => timers.add('t', schedule as TimerSchedule, work as TimerWork, options as TimerOptions)
    expect(add).toThrow(
      expect.objectContaining({
        code: 'SIDECAR_TIMER_INVALID',
        message: expect.stringMatching(/^sidecar\.timer\("t"\): /),
      }),
    )
    expect(vi.getTimerCount()).toBe(0)
  })

  test('dates of the app that fail later end their timer, not the process', async () => {
    const { timers, seen, lines } = startTimers()
    let asked = 0
    const nextRun = (after: Date) => (asked++ < 2 ? new Date(Number(after) + 10) : raise(new Error('no more')))
    let runs = 0
    timers.add('t', { cron: { nextRun } }, () => void runs++)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(runs).toBe(1)
    expect(lines.at(-1)).toContain('the timer "t" failed: sidecar.timer("t"): cron: nextRun(after) failed: no more')
    expect(seen).toHaveLength(1)
    expect(timers.status()).toMatchObject([{ name: 't', nextAt: undefined, failures: 1 }])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a timer ends by its call, by stop() and by using; a second end does not touch the next one of its name', () => {
    const { timers } = startTimers()
    const add = () => timers.add('t', { every: '1h' }, () => {})
    const called = add()
    expect(called.name).toBe('t')
    called()
    const stopped = add()
    called()
    called.stop()
    expect(timers.status()).toHaveLength(1)
    stopped.stop()
    {
      using used = add()
      expect(used.name).toBe('t')
    }
    expect(timers.status()).toEqual([])
  })

  test('two timers of one name are refused', () => {
    const { timers } = startTimers()
    timers.add('t', { every: 1_000 }, () => {})
    expect(() => timers.add('t', { every: 1_000 }, () => {})).toThrow(/another timer of this name/)
    timers.stop()
  })
})
