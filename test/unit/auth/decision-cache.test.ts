import { afterEach, expect, it, vi } from 'vitest'
import { createDecisionCache } from '../../../src/auth/decision-cache.js'

afterEach(() => void vi.useRealTimers())

it('forgets after the time to live, by the clock it was given', () => {
  let now = 0
  const cache = createDecisionCache(10, 60_000, () => now)
  cache.set('a', 'GET /', 'allowed', 100)
  now = 99
  expect(cache.get('a', 'GET /')).toBe('allowed')
  now = 100
  expect(cache.get('a', 'GET /')).toBeUndefined()
})

it('stays within its bound and keeps what is used, however many others come', () => {
  const cache = createDecisionCache(100, 60_000, () => 0)
  cache.set('used', 'GET /', 'allowed', 1)
  for (let index = 0; index < 10_000; index++) {
    cache.set(`flood-${index}`, 'GET /', 'unauthenticated', 1)
    expect(cache.get('used', 'GET /')).toBe('allowed')
  }
  const kept = Array.from({ length: 10_000 }, (_, index) => cache.get(`flood-${index}`, 'GET /')).filter(Boolean)
  expect(kept.length).toBeGreaterThan(0)
  expect(kept.length).toBeLessThanOrEqual(100)
})

it('keeps no token for longer than it must, whether requests come or not', () => {
  vi.useFakeTimers()
  const cache = createDecisionCache(10, 100, () => 0)
  cache.set('a', 'GET /', 'allowed', 100)
  vi.advanceTimersByTime(100)
  expect(cache.get('a', 'GET /')).toBe('allowed')
  vi.advanceTimersByTime(199)
  cache.set('b', 'GET /', 'allowed', 100)
  vi.advanceTimersByTime(200)
  expect(cache.get('a', 'GET /')).toBeUndefined()
  expect(cache.get('b', 'GET /')).toBeUndefined()
  expect(vi.getTimerCount()).toBe(0)
})

it('holds for exactly this token and target', () => {
  const cache = createDecisionCache(10, 60_000, () => 0)
  const [mine, theirs] = ['mine', 'theirs'].map((name) => `${name}.${'the-same-long-signature'.repeat(2)}`) as [
    string,
    string,
  ]
  cache.set(mine, 'GET /a', 'allowed', 1)
  expect(cache.get(mine, 'GET /a')).toBe('allowed')
  expect(cache.get(theirs, 'GET /a')).toBeUndefined()
  expect(cache.get(mine, 'GET /b')).toBeUndefined()
  expect(cache.get(mine, 'PUT /a')).toBeUndefined()
})

it('keeps what it knows of tokens that end alike, beside each other', () => {
  const cache = createDecisionCache(100, 60_000, () => 0)
  const tokens = Array.from({ length: 10 }, (_, index) => `${index}.the-same-long-signature`)
  for (const token of tokens) for (const target of ['/a', '/b']) cache.set(token, target, 'allowed', 1)
  for (const token of tokens) expect([cache.get(token, '/a'), cache.get(token, '/b')]).toEqual(['allowed', 'allowed'])
  for (let index = 0; index < 1_000; index++) cache.set(`${index}-forged.the-same-long-signature`, '/a', 'refused', 1)
  const kept = Array.from({ length: 1_000 }, (_, index) => cache.get(`${index}-forged.the-same-long-signature`, '/a'))
  expect(kept.filter(Boolean).length).toBeLessThanOrEqual(100)
})

it('G9: stays within its bytes, whatever the length of tokens and targets', () => {
  const cache = createDecisionCache(10_000, 60_000, () => 0, 1_000_000)
  cache.set('used', 'GET /', 'allowed', 1)
  for (let index = 0; index < 1_000; index++) {
    cache.set(`${index} ${'a'.repeat(8_000)}`, 'GET /', 'allowed', 1)
    cache.set('one token', `/${index}/${'p'.repeat(8_000)}`, 'allowed', 1)
    expect(cache.bytes).toBeLessThanOrEqual(1_000_000)
    expect(cache.get('used', 'GET /')).toBe('allowed')
  }
  cache.set('b'.repeat(600_000), 'GET /', 'allowed', 1)
  expect(cache.get('b'.repeat(600_000), 'GET /')).toBeUndefined()
  expect(cache.get('used', 'GET /')).toBe('allowed')
})
