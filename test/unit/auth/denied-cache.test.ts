import { expect, it } from 'vitest'
import { createDeniedCache } from '../../../src/auth/denied-cache.js'

it('returns the last refusal, until the same is allowed', () => {
  const refusals = createDeniedCache(10)
  refusals.record('t', 'GET /a', 'refused')
  refusals.record('t', 'GET /b', 'allowed')
  expect([refusals.lastDenial('t', 'GET /a'), refusals.lastDenial('t', 'GET /b')]).toEqual(['refused', undefined])
  refusals.record('t', 'GET /a', 'unauthenticated')
  expect(refusals.lastDenial('t', 'GET /a')).toBe('unauthenticated')
  refusals.record('t', 'GET /a', 'allowed')
  expect(refusals.lastDenial('t', 'GET /a')).toBeUndefined()
})

it('stays within its bound, the oldest first', () => {
  const refusals = createDeniedCache(2)
  for (const key of ['a', 'b', 'a', 'c']) refusals.record(key, 'GET /', 'refused')
  expect(['a', 'b', 'c'].map((key) => refusals.lastDenial(key, 'GET /'))).toEqual(['refused', undefined, 'refused'])
})
