import { expect, it } from 'vitest'
import { createDecisionCache } from '../../../src/auth/decision-cache.js'

it('forgets after the time to live, by the clock it was given', () => {
  let now = 0
  const cache = createDecisionCache(10, () => now)
  cache.set('a', 'allowed', 100)
  now = 99
  expect(cache.get('a')).toBe('allowed')
  now = 100
  expect(cache.get('a')).toBeUndefined()
  expect(cache.last('a')).toBe('allowed')
})

it('stays within its bound and keeps what is used, however many others come', () => {
  const cache = createDecisionCache(100, () => 0)
  cache.set('used', 'allowed', 1)
  for (let index = 0; index < 10_000; index++) {
    cache.set(`flood ${index}`, 'unauthenticated', 1)
    expect(cache.get('used')).toBe('allowed')
  }
  const kept = Array.from({ length: 10_000 }, (_, index) => cache.last(`flood ${index}`)).filter(Boolean)
  expect(kept.length).toBeGreaterThan(0)
  expect(kept.length).toBeLessThanOrEqual(100)
})
