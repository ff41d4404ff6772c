import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bind } from '../../../src/feign/bind.js'
import { compileTemplate, encodeSegment } from '../../../src/feign/template.js'

describe('compileTemplate', () => {
  test.each([
    ['', '/users/{id}', '/users/{id}', ['id']],
    ['/api', '/users', '/api/users', []],
    ['api/', 'users', '/api/users', []],
    ['/', '/', '/', []],
    ['', '', '/', []],
    ['/t/{tenant}', '/x/{id}', '/t/{tenant}/x/{id}', ['tenant', 'id']],
    ['/api', '?fixed=1', '/api?fixed=1', []],
    ['', '?fixed=1', '/?fixed=1', []],
    ['', '/files/{name}.{ext}', '/files/{name}.{ext}', ['name', 'ext']],
  ])('joins %j and %j', (base, path, source, variables) => {
    expect(compileTemplate(base, path)).toMatchObject({ source, variables })
  })

  test.each([
    ['http://evil.example/x', /is a URL/],
    ['//evil.example/x', /has \/\//],
    ['/a//b', /has \/\//],
    ['/a/../b', /\. or \.\. segment/],
    ['/a/./b', /\. or \.\. segment/],
    ['/a/%2E%2e/b', /\. or \.\. segment/],
    ['/%2e', /\. or \.\. segment/],
    ['/.%2e?a=1', /\. or \.\. segment/],
    ['/a b', /blank/],
    ['/a\r\nX: y', /control character/],
    ['/ä', /not ASCII/],
    ['/a#b', /fragment/],
    ['/a\\b', /backslash/],
    ['/{id', /brace/],
    ['/id}', /brace/],
    ['/{}', /not a name/],
    ['/{a b}', /not a name/],
    ['/{id}/{id}', /twice/],
    ['/x?q={q}', /variable in its query/],
  ])('refuses %j', (path, why) => {
    expect(() => compileTemplate('', path)).toThrow(expect.objectContaining({ code: 'SIDECAR_CLIENT_INVALID' }))
    expect(() => compileTemplate('', path)).toThrow(why)
  })
})

describe('encodeSegment', () => {
  test.each([
    ['abc-1_2~', 'abc-1_2~'],
    ['a.b', 'a.b'],
    ['...', '...'],
    ['a/b', 'a%2Fb'],
    ['../etc/passwd', '..%2Fetc%2Fpasswd'],
    ['%2e%2e', '%252e%252e'],
    ['a?b#c', 'a%3Fb%23c'],
    ['中文', '%E4%B8%AD%E6%96%87'],
    [7, '7'],
    [1e21, '1e%2B21'],
    [false, 'false'],
  ])('%j → %s', (value, encoded) => {
    expect(encodeSegment('id', value)).toBe(encoded)
  })

  test.each([
    '',
    '.',
    '..',
    'a\nb',
    'a\r\nb',
    '\0',
    '\ud800',
    null,
    undefined,
    NaN,
    Infinity,
    {},
    [],
    ['a'],
    new Date(),
    Symbol('x'),
  ])('refuses %j', (value) => {
    expect(() => encodeSegment('id', value)).toThrow(expect.objectContaining({ code: 'SIDECAR_CALL_INVALID' }))
  })

  test('whatever the value, the path keeps its segments', () => {
    const rules = {
      verb: 'GET',
      template: compileTemplate('/api', '/a/{x}/b/{y}.json'),
      bodied: false,
      headers: [],
    } as const
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (x, y) => {
        let path: string
        try {
          path = bind(rules, [{ x, y }]).path
        } catch (error) {
          expect(error).toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
          return
        }
        const url = new URL(path, 'http://host')
        expect(url.host).toBe('host')
        const [, api, a, first, b, second, ...rest] = url.pathname.split('/')
        expect([api, a, b, rest, url.search]).toEqual(['api', 'a', 'b', [], ''])
        expect(decodeURIComponent(first!)).toBe(x)
        expect(decodeURIComponent(second!)).toBe(`${y}.json`)
      }),
      { numRuns: 500 },
    )
  })
})
