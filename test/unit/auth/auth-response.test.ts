import { describe, expect, it } from 'vitest'
import { InvalidAuthResponse, parseAuthResponse } from '../../../src/auth/auth-response.js'

const read = (answer: unknown, status = 200) =>
  parseAuthResponse(status, typeof answer === 'string' ? answer : JSON.stringify(answer))

describe('readVerdict', () => {
  it.each([
    { data: true },
    { data: true, code: 200 },
    { data: true, code: 0 },
    { data: { hasPermission: true } },
    { data: { has_permission: true }, code: 200 },
    { data: { allowed: true } },
    { data: { permit: true } },
    { code: 200 },
    { code: '200', msg: 'ok' },
    { code: 200, data: null },
    { code: 200, data: { userId: 7 } },
    { code: 200, data: 'ok' },
  ])('allows %j', (answer) => expect(read(answer)).toBe('allowed'))

  it.each([
    { data: false },
    { code: 200, data: false },
    { code: 200, data: 'false' },
    { code: 200, data: 0 },
    { code: 200, data: { hasPermission: false } },
    { code: 200, data: { permit: 'true' } },
    { code: 200, data: { allowed: true, permit: false } },
    { code: 200, data: { allowed: null } },
    { code: 403, data: true },
    { code: 1001, msg: 'no' },
    { code: 400 },
  ])('refuses %j', (answer) => expect(read(answer)).toBe('refused'))

  it('knows a bad token by status or code', () => {
    expect(parseAuthResponse(401, 'whatever')).toBe('unauthenticated')
    expect(read({ code: 401, data: true })).toBe('unauthenticated')
    expect(parseAuthResponse(403, '')).toBe('refused')
  })

  it.each([500, 502, 503, 404, 400, 429, 301, 302, 304, 100])(
    'decides nothing on %i, whatever its body says',
    (status) => {
      expect(() => read({ data: true, code: 200 }, status)).toThrow(InvalidAuthResponse)
    },
  )

  it.each([
    '',
    'ok',
    'true',
    '"true"',
    '200',
    '[]',
    '[true]',
    'null',
    '<html>',
    '{',
    '{}',
    { status: 'UP' },
    { data: 'true' },
    { data: {} },
    { data: 1 },
    { code: 0 },
    { code: null },
    { code: 500, data: true },
  ])('decides nothing on garbage: %j', (answer) => expect(() => read(answer)).toThrow(InvalidAuthResponse))

  it('takes nothing from a prototype', () => {
    expect(() => read('{"__proto__":{"data":true}}')).toThrow(InvalidAuthResponse)
    expect(() => read('{"data":{"__proto__":{"allowed":true}}}')).toThrow(InvalidAuthResponse)
  })
})
