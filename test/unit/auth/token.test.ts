import { describe, expect, it } from 'vitest'
import { findToken, isToken, tokenOf } from '../../../src/auth/token.js'

const ALL = { query: true, cookies: true }

function find(headers: Record<string, string | string[]>, url = '/', sources = ALL) {
  const sent = findToken({ headers, url }, sources)
  if (sent === undefined) return 'none'
  return isToken(sent) ? { token: sent } : 'bad'
}

describe('the token of a request', () => {
  it('takes the first place that has one', () => {
    const headers: Record<string, string> = {
      'x-token': 'x2',
      'x-auth-token': 'x1',
      cookie: 'a=1; access_token=c2; token=c1',
      authorization: 'Bearer b',
    }
    const url = '/a?access_token=q2&token=q1'
    const drop = (name: string) => delete headers[name]
    expect(find(headers, url)).toEqual({ token: 'b' })
    drop('authorization')
    expect(find(headers, url)).toEqual({ token: 'c1' })
    headers['cookie'] = 'access_token=c2'
    expect(find(headers, url)).toEqual({ token: 'c2' })
    drop('cookie')
    expect(find(headers, url)).toEqual({ token: 'q1' })
    expect(find(headers, '/a?access_token=q2')).toEqual({ token: 'q2' })
    expect(find(headers, '/a')).toEqual({ token: 'x1' })
    drop('x-auth-token')
    expect(find(headers)).toEqual({ token: 'x2' })
    drop('x-token')
    expect(find(headers)).toBe('none')
  })

  it.each(['Bearer t', 'bearer t', 'BEARER t', 'Bearer   t'])('reads the scheme in any case: %s', (authorization) => {
    expect(find({ authorization })).toEqual({ token: 't' })
  })

  it('leaves other schemes to others and goes on looking', () => {
    expect(find({ authorization: 'Basic dTpw' })).toBe('none')
    expect(find({ authorization: 'Basic dTpw', 'x-token': 't' })).toEqual({ token: 't' })
    expect(find({ authorization: 'Bearerish t' })).toBe('none')
    // A bare token has no scheme: no magic.
    expect(find({ authorization: 'eyJhbGciOi' })).toBe('none')
  })

  it('knows no magic prefixes', () => {
    expect(find({ 'x-token': 'Bearer t' })).toBe('bad')
    expect(find({ 'x-token': 'Bearer%20t' })).toEqual({ token: 'Bearer%20t' })
  })

  it.each([
    ['empty', 'Bearer'],
    ['empty with a space', 'Bearer '],
    ['two words', 'Bearer a b'],
    ['a control character', 'Bearer a\u0001b'],
    ['a line break', 'Bearer a\r\nx: y'],
    ['not ASCII', 'Bearer ключ'],
    ['over-long', `Bearer ${'a'.repeat(8193)}`],
  ])('refuses a bearer token that is %s, and looks no further', (_what, authorization) => {
    expect(find({ authorization, 'x-token': 'good' })).toBe('bad')
  })

  it('refuses line breaks hidden by encoding, in cookies and query', () => {
    expect(find({ cookie: 'token=a%0d%0ax:%20y' })).toBe('bad')
    expect(find({}, '/?token=a%0d%0ax:%20y')).toBe('bad')
    expect(find({}, '/?token=a%00')).toBe('bad')
  })

  it('refuses a token that is said twice', () => {
    expect(find({}, '/?token=a&token=b')).toBe('bad')
    expect(find({ 'x-auth-token': 'a, b' })).toBe('bad')
  })

  it('takes nothing from places that are switched off', () => {
    const request = { cookie: 'token=c' }
    expect(find(request, '/?token=q', { query: true, cookies: false })).toEqual({ token: 'q' })
    expect(find(request, '/?token=q', { query: false, cookies: true })).toEqual({ token: 'c' })
    expect(find(request, '/?token=q', { query: false, cookies: false })).toBe('none')
  })

  it('is not led astray by names that only look alike, or by __proto__', () => {
    expect(find({ cookie: 'mytoken=x; xaccess_token=y' }, '/?mytoken=x')).toBe('none')
    expect(find({ cookie: '__proto__=x; token=t' })).toEqual({ token: 't' })
    expect(find({ cookie: 'token=' }, '/?token=')).toBe('none')
  })
})

it('tokenOf forwards what the guard would check, and nothing bad', () => {
  expect(tokenOf({ headers: { authorization: 'Bearer t' }, url: '/' }, ALL)).toBe('t')
  expect(tokenOf({ headers: { authorization: 'Bearer t\nx' }, url: '/' }, ALL)).toBeUndefined()
  expect(tokenOf({ headers: {}, url: '/' }, ALL)).toBeUndefined()
})
