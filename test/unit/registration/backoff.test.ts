import { expect, test } from 'vitest'
import { createBackoff } from '../../../src/registration/backoff.js'

const pauses = (random: () => number, count = 5) => {
  const backoff = createBackoff({ random })
  return Array.from({ length: count }, () => backoff.nextMs())
}

test('grows from a second to four, jittered, never less', () => {
  expect(pauses(() => 0)).toEqual([1000, 2000, 2000, 2000, 2000])
  expect(pauses(() => 1)).toEqual([2000, 4000, 4000, 4000, 4000])
  expect(new Set(pauses(Math.random, 20)).size).toBeGreaterThan(10)
})

test('starts over after a success', () => {
  const backoff = createBackoff({ random: () => 1 })
  backoff.nextMs()
  backoff.nextMs()
  backoff.reset()
  expect(backoff.nextMs()).toBe(2000)
})
