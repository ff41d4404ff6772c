import { afterEach, expect, it, vi } from 'vitest'
import { createDecisionCache } from '../../../src/auth/decision-cache.js'

const ALLOWED = { allowed: true } as const

afterEach(() => void vi.useRealTimers())

it('forgets after the time to live, by the clock it was given', () => {
  let now = 0
  const cache = createDecisionCache(10, 60_000, () => now)
  cache.set('a', 'GET /', ALLOWED, 100)
  now = 99
  expect(cache.get('a', 'GET /')).toBe(ALLOWED)
  now = 100
  expect(cache.get('a', 'GET /')).toBeUndefined()
})

it('stays within its bound and keeps what is used, however many others come', () => {
  const cache = createDecisionCache(100, 60_000, () => 0)
  cache.set('used', 'GET /', ALLOWED, 1)
  for (let index = 0; index < 10_000; index++) {
    cache.set(`flood-${index}`, 'GET /', ALLOWED, 1)
    expect(cache.get('used', 'GET /')).toBe(ALLOWED)
  }
  const kept = Array.from({ length: 10_000 }, (_, index) => cache.get(`flood-${index}`, 'GET /')).filter(Boolean)
  expect(kept.length).toBeGreaterThan(0)
  expect(kept.length).toBeLessThanOrEqual(100)
})

it('keeps no token for longer than it must, whether requests come or not', () => {
  vi.useFakeTimers()
  const cache = createDecisionCache(10, 100, () => 0)
  cache.set('a', 'GET /', ALLOWED, 100)
  vi.advanceTimersByTime(100)
  expect(cache.get('a', 'GET /')).toBe(ALLOWED)
  vi.advanceTimersByTime(199)
  cache.set('b', 'GET /', ALLOWED, 100)
  vi.advanceTimersByTime(200)
  expect(cache.get('a', 'GET /')).toBeUndefined()
  expect(cache.get('b', 'GET /')).toBeUndefined()
  expect(vi.getTimerCount()).toBe(0)
})

it('speaks for the very token and target only', () => {
  const cache = createDecisionCache(10, 60_000, () => 0)
  const [mine, theirs] = ['mine', 'theirs'].map((name) => `${name}.${'the-same-long-signature'.repeat(2)}`) as [
    string,
    string,
  ]
  cache.set(mine, 'GET /a', ALLOWED, 1)
  expect(cache.get(mine, 'GET /a')).toBe(ALLOWED)
  expect(cache.get(theirs, 'GET /a')).toBeUndefined()
  expect(cache.get(mine, 'GET /b')).toBeUndefined()
  expect(cache.get(mine, 'PUT /a')).toBeUndefined()
})
