import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bind } from '../../../src/feign/bind.js'
import type { Verb } from '../../../src/feign/bind.js'
import { compileTemplate } from '../../../src/feign/template.js'

function call(verb: Verb, path: string, ...args: unknown[]) {
  const bodied = verb === 'POST' || verb === 'PUT' || verb === 'PATCH'
  return bind({ verb, bodied, template: compileTemplate('', path), headers: ['accept', 'a/b', 'x-own', '1'] }, args)
}

const refused = (why: RegExp) =>
  expect.objectContaining({ code: 'SIDECAR_CALL_INVALID', message: expect.stringMatching(why) })

describe('an argument object', () => {
  test('path variables, then the rest to the query', () => {
    expect(call('GET', '/users/{id}', { id: 'a/b', verbose: true, page: 2, none: undefined, nil: null }).path).toBe(
      '/users/a%2Fb?verbose=true&page=2',
    )
  })

  test('arrays are repeated, booleans and dates written out, names and values encoded', () => {
    const at = new Date('2024-01-02T03:04:05Z')
    expect(call('GET', '/x', { id: [1, null, 'b c'], on: false, at, 'a&b': '=&中' }).path).toBe(
      '/x?id=1&id=b%20c&on=false&at=2024-01-02T03%3A04%3A05.000Z&a%26b=%3D%26%E4%B8%AD',
    )
    expect(call('GET', '/x', { ids: [] }).path).toBe('/x')
  })

  test('query, headers, signal and timeoutMs mean what they say', () => {
    const { signal } = new AbortController()
    const bound = call('GET', '/x?fixed=1', {
      query: { page: 1, a: [1, 2] },
      headers: { 'X-Own': 'mine', n: 3 },
      signal,
      timeoutMs: 50,
    })
    expect(bound).toEqual({
      path: '/x?fixed=1&page=1&a=1&a=2',
      headers: ['accept', 'a/b', 'x-own', 'mine', 'n', '3'],
      body: undefined,
      signal,
      timeoutMs: 50,
    })
  })

  test.each([[new Headers({ 'X-Own': 'mine' })], [new Map([['X-Own', 'mine']])]])('headers may be a %o', (headers) => {
    expect(call('GET', '/x', { headers }).headers).toEqual(['accept', 'a/b', 'x-own', 'mine'])
  })

  test('other keys and query go together', () => {
    expect(call('GET', '/x', { a: 1, query: { b: 2 } }).path).toBe('/x?a=1&b=2')
  })

  test('a variable may have the name of a control', () => {
    expect(call('GET', '/{body}', { body: 'x' })).toMatchObject({ path: '/x', body: undefined })
  })

  test.each(['POST', 'PUT', 'PATCH'] as const)('%s refuses a leftover key and says where it could go', (verb) => {
    const act = () => call(verb, '/users', { name: 'x', password: 'hunter2' })
    expect(act).toThrow(refused(/"name".*\{ body: … \}.*\{ query: \{ name: … \} \}/))
    expect(act).not.toThrow(/hunter2/)
  })

  test('DELETE may have a body, GET and HEAD not', () => {
    expect(call('DELETE', '/x', { body: { a: 1 } }).body).toEqual({ a: 1 })
    expect(() => call('GET', '/x', { body: 1 })).toThrow(refused(/GET has no body/))
    expect(() => call('HEAD', '/x', { body: 1 })).toThrow(refused(/HEAD has no body/))
  })

  test('a missing variable is named', () => {
    expect(() => call('GET', '/users/{id}', { other: 1 })).toThrow(refused(/\{id\} is undefined/))
    expect(() => call('GET', '/users/{constructor}', {})).toThrow(refused(/\{constructor\} is undefined/))
  })

  test('an object in the query is refused', () => {
    expect(() => call('GET', '/x', { filter: { a: 1 } })).toThrow(refused(/filter is an object/))
    expect(() => call('GET', '/x', { query: 'a=1' })).toThrow(refused(/query must be a plain object/))
    expect(() => call('GET', '/x', { timeoutMs: -1 })).toThrow(refused(/timeoutMs/))
  })

  test('null leaves out what undefined does; a body may be null', () => {
    const nothing = { headers: null, query: null, signal: null, timeoutMs: null }
    expect(call('GET', '/x', nothing)).toEqual(call('GET', '/x'))
    expect(call('POST', '/x', { body: null }).body).toBeNull()
  })

  test('__proto__ is a name like any other', () => {
    const hostile = JSON.parse('{"__proto__":{"polluted":1}}') as Record<string, unknown>
    expect(() => call('GET', '/x', hostile)).toThrow(refused(/__proto__/))
    expect(call('GET', '/x', JSON.parse('{"__proto__":"1"}')).path).toBe('/x?__proto__=1')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('positional arguments', () => {
  class Dto {
    name = 'x'
  }

  test('variables in order, then the body', () => {
    expect(call('PUT', '/a/{x}/b/{y}', 'one', 2, { n: 1 })).toMatchObject({ path: '/a/one/b/2', body: { n: 1 } })
    expect(call('POST', '/users/{id}', '1')).toMatchObject({ path: '/users/1', body: undefined })
  })

  test('variables in order, then a query object', () => {
    expect(call('GET', '/users/{id}', 'x', { page: 1, body: 'q' }).path).toBe('/users/x?page=1&body=q')
    expect(call('GET', '/users/{id}', 'x', undefined).path).toBe('/users/x')
    expect(call('GET', '/users', undefined).path).toBe('/users')
    expect(call('GET', '/users').path).toBe('/users')
  })

  test.each([
    [new Dto()],
    [[1, 2]],
    ['text'],
    [7],
    [new FormData()],
    [new URLSearchParams()],
    [Buffer.from('x')],
    [new Blob([])],
  ])('a single %s is a body, not an argument object', (body) => {
    expect(call('POST', '/users', body).body).toBe(body)
  })

  test('too many, too few, and no object where the query goes', () => {
    expect(() => call('GET', '/users/{id}', 'x', {}, 1)).toThrow(refused(/got 3 arguments/))
    expect(() => call('POST', '/users', {}, {})).toThrow(refused(/got 2 arguments/))
    expect(() => call('GET', '/users/{id}')).toThrow(refused(/\{id\} is undefined/))
    expect(() => call('GET', '/users', 7)).toThrow(refused(/plain object as its query.*a number/))
    expect(() => call('GET', '/users/{id}', 'x', new Dto())).toThrow(refused(/a Dto/))
  })
})

test('whatever the query, it comes back as it was', () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(fc.dictionary(text, text, { noNullPrototype: true }), (query) => {
      const { path } = call('GET', '/x', { query })
      expect(Object.fromEntries(new URL(path, 'http://h').searchParams)).toEqual(query)
    }),
  )
})

describe('arguments that are of no use', () => {
  const locals = [
    ['headers', { headers: ['x'] }, /headers must be/],
    ['headers', { headers: 'x: y' }, /headers must be an object, Headers or a Map, got a string/],
    ['headers', { headers: { a: Symbol('x') } }, /the header a is a symbol/],
    ['headers', { headers: { a: {} } }, /the header a is an object/],
    ['headers', { headers: { a: () => 1 } }, /the header a is a function/],
    ['headers', { headers: { a: NaN } }, /the header a is NaN/],
    ['timeoutMs', { timeoutMs: {} }, /timeoutMs must be a number of milliseconds above 0, got an object/],
    ['timeoutMs', { timeoutMs: '100' }, /timeoutMs must be/],
    ['timeoutMs', { timeoutMs: Symbol('x') }, /timeoutMs must be/],
    ['timeoutMs', { timeoutMs: NaN }, /timeoutMs must be/],
    ['signal', { signal: {} }, /signal must be an AbortSignal, got an object/],
    ['signal', { signal: new AbortController() }, /signal must be an AbortSignal, got a AbortController/],
    ['query', { query: [1] }, /query must be/],
    ['a query key', { page: NaN }, /parameter page is NaN/],
    ['a query key', { page: Infinity }, /parameter page is Infinity/],
    ['a query key', { at: new Date(NaN) }, /parameter at is a Date/],
    ['a query key', { at: Symbol('x') }, /parameter at is a symbol/],
    ['a query key', { at: () => 1 }, /parameter at is a function/],
    ['a path variable', { id: NaN }, /variable \{id\}/],
    ['a path variable', { id: new Date(NaN) }, /variable \{id\}/],
    ['a path variable', { id: Symbol('x') }, /variable \{id\}/],
  ] as const

  test.each(locals)('K24: %s: %o is SIDECAR_CALL_INVALID, and names it', (_, given, why) => {
    expect(() => call('GET', '/users/{id}', { id: 1, ...given })).toThrow(refused(why))
  })

  test('K24: a list in itself is SIDECAR_CALL_INVALID', () => {
    const list: unknown[] = []
    list.push(list)
    expect(() => call('GET', '/users', { at: list })).toThrow(refused(/parameter at has values within values without/))
  })

  test('G10: pairs of names and values are headers, and a polyfill’s signal is one', () => {
    const signal = { aborted: false, addEventListener() {}, removeEventListener() {} }
    const headers = [
      ['X-A', '1'],
      ['X-A', '2'],
    ]
    const bound = call('GET', '/users/{id}', { id: 1, headers, signal })
    expect(bound.headers.slice(-4)).toEqual(['x-a', '1', 'x-a', '2'])
    expect(bound.signal).toBe(signal)
  })
})
