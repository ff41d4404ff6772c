import { expect, test } from 'vitest'
import { Histogram } from '../../../src/observe/histogram.js'

/** In any order: 0 to 2,000 s, with every power of two between. */
const VALUES = [250, 0.004, 3, 90_000, 0, 0.5, 2_000_000, 17, 1_000, 0.06, 40]

function expectQuantiles(histogram: Histogram, values: readonly number[]): void {
  const sorted = [...values].sort((a, b) => a - b)
  for (const [rank, value] of sorted.entries()) {
    const found = histogram.quantile((rank + 1) / sorted.length)
    expect(Math.abs(found - value), `${found} for ${value}`).toBeLessThanOrEqual(Math.max(value * 0.016, 0.001))
  }
}

test('values far apart are found again, in whatever order they came', () => {
  for (const values of [VALUES, VALUES.toReversed(), [7], []]) {
    const histogram = new Histogram()
    for (const value of values) histogram.add(value)
    expectQuantiles(histogram, values)
  }
})

test('a merge counts the values of both, and a reset forgets them', () => {
  const slow = new Histogram()
  const fast = new Histogram()
  slow.add(5_000)
  slow.add(7_000)
  fast.add(0.2)
  for (const [into, from] of [
    [slow, fast],
    [fast, new Histogram()],
  ] as const)
    into.merge(from)
  expectQuantiles(slow, [0.2, 5_000, 7_000])
  expectQuantiles(fast, [0.2])
  slow.reset()
  slow.add(30)
  expectQuantiles(slow, [30])
})
