import { expect, it } from 'vitest'
import { createRefusals } from '../../../src/auth/refusals.js'

it('tells the last refusal, until the same is allowed', () => {
  const refusals = createRefusals(10)
  refusals.note('t', 'GET /a', 'refused')
  refusals.note('t', 'GET /b', 'allowed')
  expect([refusals.last('t', 'GET /a'), refusals.last('t', 'GET /b')]).toEqual(['refused', undefined])
  refusals.note('t', 'GET /a', 'unauthenticated')
  expect(refusals.last('t', 'GET /a')).toBe('unauthenticated')
  refusals.note('t', 'GET /a', 'allowed')
  expect(refusals.last('t', 'GET /a')).toBeUndefined()
})

it('stays within its bound, the oldest first', () => {
  const refusals = createRefusals(2)
  for (const key of ['a', 'b', 'a', 'c']) refusals.note(key, 'GET /', 'refused')
  expect(['a', 'b', 'c'].map((key) => refusals.last(key, 'GET /'))).toEqual(['refused', undefined, 'refused'])
})
