import { expect, test } from 'vitest'
import { RetryBudget } from '../../../src/calls/retry-budget.js'

function setUp(percent = 20) {
  const clock = { ms: 1_000_000 }
  const budget = new RetryBudget(percent, () => clock.ms)
  const calls = (count: number) => Array.from({ length: count }).forEach(() => budget.deposit())
  const granted = (asked: number) => Array.from({ length: asked }).filter(() => budget.withdraw()).length
  return { clock, calls, granted }
}

test('a fifth of the calls', () => {
  const { calls, granted } = setUp()
  calls(500)
  expect(granted(1_000)).toBe(100)
  calls(50)
  expect(granted(1_000)).toBe(10)
})

test('a few for a client with few calls', () => {
  const { calls, granted } = setUp()
  calls(1)
  expect(granted(100)).toBe(10)
})

test('calls and retries are forgotten after ten seconds, slot by slot', () => {
  const { clock, calls, granted } = setUp()
  calls(500)
  clock.ms += 5_000
  calls(500)
  expect(granted(1_000)).toBe(200)
  clock.ms += 5_500 // the first 500 are gone, their retries' slot is not
  expect(granted(1_000)).toBe(0)
  clock.ms += 5_000
  expect(granted(1_000)).toBe(10)
  clock.ms += 3_600_000
  calls(100)
  expect(granted(1_000)).toBe(20)
})

test('none at 0 %, all at 100 %', () => {
  const none = setUp(0)
  none.calls(100)
  expect(none.granted(10)).toBe(0)
  const all = setUp(100)
  all.calls(100)
  expect(all.granted(200)).toBe(100)
})
