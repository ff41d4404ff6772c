import { describe, expect, test } from 'vitest'
import { matchesPattern } from '../../../src/observe/name-pattern.js'
import type { OperationOutcome } from '../../../src/observe/operation.js'
import { Recorder, type RecorderRules } from '../../../src/observe/recorder.js'

const RULES: RecorderRules = {
  ...{ enabled: true, maxNames: 1_000, maxSamples: 1, maxErrors: 10, maxTagLength: 1_024 },
  ...{ excludes: [], expected: [] },
}
const OK: OperationOutcome = { failed: false }
const FAILED: OperationOutcome = { failed: true }
const recorder = (rules: Partial<RecorderRules> = {}) => new Recorder({ ...RULES, ...rules })
const only = (from: Recorder) => {
  const stats = from.stats()
  expect(stats).toHaveLength(1)
  return stats[0]!
}

describe('the figures of an operation', () => {
  test('count, errors, min, max, total and attempts are exact, a minimum of 0 ms too', () => {
    const figures = recorder()
    figures.record('client', 'GET users', 0, OK)
    figures.record('client', 'GET users', 7.25, { failed: true, attempts: 3 })
    figures.record('client', 'GET users', 1.5, OK)
    expect(only(figures)).toMatchObject({ kind: 'client', name: 'GET users', count: 3, errors: 1, attempts: 5 })
    expect(only(figures)).toMatchObject({ min: 0, max: 7.25, total: 8.75 })
  })

  test('a time below 0, of a clock that was turned back, counts as 0', () => {
    const figures = recorder()
    figures.record('custom', 'a', -5, OK)
    figures.record('custom', 'a', NaN, OK)
    expect(only(figures)).toMatchObject({ count: 2, min: 0, max: 0, total: 0, p99: 0 })
  })

  test.each([0.003, 0.05, 1, 42, 999, 60_000, 1_500_000])('one time of %d ms is p50 and p99', (ms) => {
    const figures = recorder()
    figures.record('custom', 'a', ms, OK)
    expect(only(figures)).toMatchObject({ p50: ms, p99: ms })
  })

  test('p50 and p99 are within 1.6 % of the exact ones, from microseconds to minutes', () => {
    let seed = 7
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
    for (const scale of [0.1, 5, 700, 90_000]) {
      const times = Array.from({ length: 5_000 }, () => scale * (0.2 + random() ** 4 * 10))
      const figures = recorder()
      for (const ms of times) figures.record('server', 'GET /', ms, OK)
      times.sort((a, b) => a - b)
      const { p50, p99 } = only(figures)
      for (const [got, exact] of [
        [p50, times[2_499]!],
        [p99, times[4_949]!],
      ] as const) {
        expect(Math.abs(got - exact) / exact).toBeLessThan(0.016 + 0.001 / exact)
      }
    }
  })

  test('a time beyond the largest bucket stays exact as max, and harms no other figure', () => {
    const figures = recorder()
    figures.record('custom', 'a', 1, OK)
    figures.record('custom', 'a', 1e12, OK)
    expect(only(figures)).toMatchObject({ max: 1e12, count: 2, p50: 1 })
  })
})

describe('samples', () => {
  test('the first ones of each period, those that failed apart, with the trace, the instance and the code', () => {
    const figures = recorder({ maxSamples: 1, maxErrors: 2 })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    figures.record('client', 'GET users', 2, { ...OK, status: 200, instance: '10.0.0.1:80', traceparent })
    figures.record('client', 'GET users', 3, { ...OK, status: 201 })
    figures.record('client', 'GET users', 4, { ...FAILED, code: 'SIDECAR_CALL_TIMEOUT', attempts: 2 })
    figures.record('client', 'GET users', 5, { ...FAILED, status: 503 })
    figures.record('client', 'GET users', 6, { ...FAILED, status: 500 })
    const { samples, errorSamples } = only(figures)
    expect(samples).toEqual([
      {
        ...{ at: expect.any(Date) as Date, ms: 2, status: 200, instance: '10.0.0.1:80' },
        traceId: '0af7651916cd43dd8448eb211c80319c',
      },
    ])
    expect(errorSamples).toEqual([
      { at: expect.any(Date) as Date, ms: 4, code: 'SIDECAR_CALL_TIMEOUT', attempts: 2 },
      { at: expect.any(Date) as Date, ms: 5, status: 503 },
    ])
    figures.take()
    figures.record('client', 'GET users', 9, OK)
    expect(only(figures)).toMatchObject({ samples: [{ ms: 9 }], errorSamples: [{ ms: 4 }, { ms: 5 }] })
  })

  test('texts are cut, tags are bounded, and what is no trace id is not kept', () => {
    const figures = recorder({ maxTagLength: 5 })
    const tags = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`t${n}`, 'x'.repeat(100)]))
    figures.record('custom', 'a', 1, { ...OK, instance: '10.0.0.1:8080', traceparent: '00-evil\nid-1-01', tags })
    const [sample] = only(figures).samples
    expect(sample).toMatchObject({ instance: '10.0.' })
    expect(sample).not.toHaveProperty('traceId')
    expect(Object.keys(sample!.tags!)).toHaveLength(32)
    expect(sample!.tags!['t0']).toBe('xxxxx')
  })

  test('none where none are wanted', () => {
    const figures = recorder({ maxSamples: 0, maxErrors: 0 })
    figures.record('custom', 'a', 1, OK)
    figures.record('custom', 'a', 1, FAILED)
    expect(only(figures)).toMatchObject({ samples: [], errorSamples: [], count: 2, errors: 1 })
  })
})

describe('names', () => {
  test('beyond the limit they count as `other` of their kind: nothing is lost', () => {
    const figures = recorder({ maxNames: 10 })
    for (let n = 0; n < 100_000; n++) figures.record(n % 2 === 0 ? 'server' : 'custom', `name ${n}`, 1, OK)
    const stats = figures.stats()
    expect(stats.length).toBeLessThanOrEqual(10)
    expect(stats.reduce((sum, { count }) => sum + count, 0)).toBe(100_000)
    expect(stats.filter(({ name }) => name === 'other').map(({ kind }) => kind)).toEqual(['server', 'custom'])
  })

  test('a kind that comes last still has its `other`', () => {
    const figures = recorder({ maxNames: 10 })
    for (let n = 0; n < 50; n++) figures.record('client', `name ${n}`, 1, OK)
    figures.record('auth', 'verify', 1, OK)
    expect(figures.stats().map(({ kind, name }) => `${kind} ${name}`)).toContain('auth other')
    expect(figures.stats().length).toBeLessThanOrEqual(10)
  })

  test('excluded ones have no figures, and the rule may change', () => {
    const figures = recorder({ excludes: ['GET /actuator/*'] })
    figures.record('server', 'GET /actuator/health', 1, OK)
    figures.record('server', 'GET /users', 1, OK)
    expect(figures.stats().map(({ name }) => name)).toEqual(['GET /users'])
    figures.configure({ ...RULES, excludes: ['get /users'] })
    figures.record('server', 'GET /actuator/health', 1, OK)
    figures.record('server', 'GET /users', 1, OK)
    expect(figures.stats().map(({ name }) => name)).toEqual(['GET /actuator/health'])
  })

  test.each([
    ['GET /a', 'GET /a', true],
    ['GET /a', 'GET /ab', false],
    ['get /A', 'GET /a', true],
    ['*', '', true],
    ['GET /a/*/c', 'GET /a/b/c', true],
    ['GET /a/*/c', 'GET /a/c', false],
    ['*a*', 'bab', true],
    ['a*a', 'a', false],
    ['GET /(a+)+$', 'GET /aaaa', false],
  ])('%s of %s: %s', (pattern, name, matches) => {
    expect(matchesPattern(pattern, name)).toBe(matches)
  })
})

describe('periods', () => {
  test('`take` gives what came since the last time; `stats` gives all: nothing is lost or counted twice', () => {
    const figures = recorder()
    figures.record('server', 'GET /', 1, OK)
    figures.record('server', 'GET /', 3, FAILED)
    expect(figures.take()).toMatchObject([{ count: 2, errors: 1, total: 4 }])
    expect(figures.take()).toEqual([])
    figures.record('server', 'GET /', 10, OK)
    figures.record('server', 'POST /', 1, OK)
    expect(figures.stats()[0]).toMatchObject({ count: 3, errors: 1, min: 1, max: 10, total: 14 })
    expect(figures.take()).toMatchObject([
      { name: 'GET /', count: 1, errors: 0, min: 10, max: 10, p50: 10 },
      { name: 'POST /', count: 1 },
    ])
  })
})

test('switched off it writes nothing', () => {
  const figures = recorder({ enabled: false })
  figures.record('server', 'GET /', 1, OK)
  expect(figures.stats()).toEqual([])
})

test('`expected` knows statuses and codes, in any case', () => {
  const figures = recorder({ expected: ['404', ' sidecar_circuit_open'] })
  expect(figures.isExpected(404, undefined)).toBe(true)
  expect(figures.isExpected(500, undefined)).toBe(false)
  expect(figures.isExpected(undefined, 'SIDECAR_CIRCUIT_OPEN')).toBe(true)
  expect(figures.isExpected(undefined, undefined)).toBe(false)
})
