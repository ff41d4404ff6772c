import { describe, expect, test } from 'vitest'
import { createHashKey } from '../../../src/feign/hash-key.js'
import { compileTemplate } from '../../../src/feign/template.js'

const template = compileTemplate('/api', '/users/{user}/orders/{id}.json')
const key = (hashBy: string, path: string, headers: string[] = []) => createHashKey(hashBy, template)(path, headers)

describe('where the key is', () => {
  test.each([
    ['path:user', '/api/users/a%20b/orders/7.json', 'a%20b'],
    ['path:id', '/api/users/a/orders/7.json?x=1', '7'],
    ['user', '/api/users/a/orders/7.json', 'a'],
    ['path:other', '/api/users/a/orders/7.json', undefined],
    ['path:user', '/elsewhere', undefined],
    ['query:page', '/x?sort=a&page=2&z', '2'],
    ['page', '/x?page=', ''],
    ['query:age', '/x?page=2', undefined],
    ['query:a.b', '/x?aXb=1&a.b=2', '2'],
    ['query:名', `/x?${encodeURIComponent('名')}=2`, '2'],
  ])('%s in %s', (hashBy, path, expected) => expect(key(hashBy, path)).toBe(expected))

  test('a header, in any case', () => {
    expect(key('header:X-User', '/x', ['accept', '*/*', 'x-user', 'ada'])).toBe('ada')
    expect(key('header:x-user', '/x', [])).toBeUndefined()
  })

  test('anything else is a mistake', () => {
    for (const hashBy of ['', 'cookie:a', 'path:', 'a:b:c'])
      expect(() => key(hashBy, '/')).toThrow(expect.objectContaining({ code: 'SIDECAR_CLIENT_INVALID' }))
  })
})
