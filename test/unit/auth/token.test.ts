import { describe, expect, it } from 'vitest'
import { findToken, isToken, tokenOf, type TokenSource, type TokenSources } from '../../../src/auth/token.js'

const ALL: TokenSources = { query: true, cookies: true }

function find(headers: Record<string, string | string[]>, url = '/', sources = ALL) {
  const sent = findToken({ headers, url }, sources)
  if (sent === undefined) return 'none'
  return isToken(sent) ? { token: sent } : 'bad'
}

describe('the token of a request', () => {
  it('takes it from wherever it is', () => {
    expect(find({ authorization: 'Bearer t' })).toEqual({ token: 't' })
    expect(find({ cookie: 'a=1; token=t' })).toEqual({ token: 't' })
    expect(find({ cookie: 'access_token=t' })).toEqual({ token: 't' })
    expect(find({}, '/a?access_token=t')).toEqual({ token: 't' })
    expect(find({}, '/a?x&t%6fken=t')).toEqual({ token: 't' })
    for (const name of ['%74oken', 't%6Fken', 'to%6Ben', 'tok%65n', 'toke%6E', 'access_%74%6f%6b%65%6e'])
      expect(find({}, `/a?${name}=t`)).toEqual({ token: 't' })
    expect(find({ 'x-auth-token': 't' })).toEqual({ token: 't' })
    expect(find({ 'x-token': 't' })).toEqual({ token: 't' })
    expect(find({})).toBe('none')
    const all = { authorization: 'Bearer t', cookie: 'token=t; access_token=t', 'x-token': 't', 'x-auth-token': 't' }
    expect(find(all, '/a?token=t&access_token=t&token=t')).toEqual({ token: 't' })
  })

  it.each([
    [{ authorization: 'Bearer good', 'x-token': 'other' }, '/'],
    [{ authorization: 'Bearer good', 'x-auth-token': 'other' }, '/'],
    [{ authorization: 'Bearer good', cookie: 'token=other' }, '/'],
    [{ authorization: 'Bearer good' }, '/?token=other'],
    [{ authorization: 'Bearer good' }, '/?tok%65n=other'],
    [{ authorization: 'Bearer good' }, '/?token[]=other'],
    [{ authorization: 'Bearer good' }, '/?a=b&[token]=other'],
    [{ authorization: 'Bearer good' }, '/?%5Baccess_token%5D[]=other'],
    [{ cookie: 'token=good; token=other' }, '/'],
    [{ cookie: 'token=good; a=b;access_token=other' }, '/'],
    [{ cookie: 'token=good' }, '/?access_token=other'],
    [{}, '/?token=a&access_token=b'],
    [{}, '/?token=a&token=b'],
    [{ 'x-token': 'a', 'x-auth-token': 'b' }, '/'],
  ])('G5: different tokens are none: %j %s', (headers, url) => {
    expect(find(headers as Record<string, string>, url)).toBe('bad')
  })

  it('G5: auth.token.sources says which count: the first that holds one, of those named', () => {
    const headers = { authorization: 'Bearer b', cookie: 'token=c', 'x-token': 'x' }
    const by = (...sources: TokenSource[]) => find(headers, '/?token=q', { ...ALL, sources })
    expect(by('bearer')).toEqual({ token: 'b' })
    expect(by('cookies', 'bearer')).toEqual({ token: 'c' })
    expect(by('x-auth-token', 'x-token')).toEqual({ token: 'x' })
    expect(by('query')).toEqual({ token: 'q' })
    expect(by('x-auth-token')).toBe('none')
    expect(find({ cookie: 'token=a; token=b' }, '/', { ...ALL, sources: ['cookies'] })).toBe('bad')
    expect(find({ authorization: 'Bearer', 'x-token': 'x' }, '/', { ...ALL, sources: ['bearer', 'x-token'] })).toBe(
      'bad',
    )
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
