import { describe, expect, it } from 'vitest'
import { compileExcludes } from '../../../src/auth/excludes.js'
import { parseRoutePath } from '../../../src/auth/route-path.js'

const excluded = (patterns: string[], target: string) => {
  const { excludable } = parseRoutePath(target)
  return excludable !== undefined && compileExcludes(patterns)(excludable)
}

describe('compileExcludes', () => {
  it.each<[pattern: string, yes: string[], no: string[]]>([
    [
      '/static',
      ['/static', '/static/', '/static/a', '/static/a/b.js?x=1'],
      ['/statics', '/statics/a', '/a/static', '/STATIC', '/'],
    ],
    ['/static/', ['/static', '/static/a'], ['/statics']],
    ['static', ['/static/a'], ['/statics']],
    ['/a/b', ['/a/b', '/a/b/c'], ['/a', '/a/', '/a/bc', '/a/x/b']],
    ['/', ['/', '/?a=1'], ['/a', '/index.html']],
    ['/**', ['/', '/a', '/a/b/'], []],
    ['/orders/*', ['/orders/1', '/orders/..1'], ['/orders', '/orders/', '/orders/1/', '/orders/1/lines']],
    ['/orders/*/lines', ['/orders/1/lines'], ['/orders/lines', '/orders/1/2/lines', '/orders/1/lines/3']],
    ['/files/*.png', ['/files/a.png', '/files/.png'], ['/files/a.png.exe', '/files/a/b.png', '/files/apng']],
    ['/files/a*b*c', ['/files/abc', '/files/axxbyyc', '/files/abbc'], ['/files/ac', '/files/acb', '/files/abcd']],
    ['/files/ab*ba', ['/files/abba', '/files/ab-ba'], ['/files/aba']],
    ['/files/*x*', ['/files/x', '/files/axb'], ['/files/ab']],
    ['/docs/**', ['/docs', '/docs/', '/docs/a/b/c'], ['/docsy']],
    ['/**/ping', ['/ping', '/a/ping', '/a/b/ping'], ['/ping/a', '/aping', '/ping/']],
    ['/a/**/b/**/c', ['/a/b/c', '/a/1/b/2/3/c', '/a/b/b/c/c', '/a/x/b/c'], ['/a/c', '/a/c/b', '/a/b', '/b/c']],
    ['/a/**/b/*/**', ['/a/b/1', '/a/x/b/1/2', '/a/b/b'], ['/a/b', '/a/b/']],
    ['/文档', ['/%E6%96%87%E6%A1%A3', '/%e6%96%87%e6%a1%a3/a'], ['/%E6%96%87']],
    ['/a b', ['/a%20b'], ['/a+b', '/a%2520b']],
  ])('%s', (pattern, yes, no) => {
    for (const target of yes) expect(excluded([pattern], target), target).toBe(true)
    for (const target of no) expect(excluded([pattern], target), target).toBe(false)
  })

  it('needs only one of several patterns, and excludes nothing without any', () => {
    expect(excluded(['/a', '/b'], '/b')).toBe(true)
    expect(excluded([], '/')).toBe(false)
  })

  it.each([
    '/a?',
    '/a/{id}',
    '/a/[0-9]',
    '/a%20b',
    '/a;x',
    '/a/../b',
    '/a//b',
    '//',
    '',
    '/a**',
    '/a/***/b',
    '/a\\b',
    '/a#b',
  ])('refuses a pattern that could not mean what it says: %s', (pattern) => {
    expect(() => compileExcludes([pattern])).toThrow(
      expect.objectContaining({
        code: 'SIDECAR_AUTH_SETTINGS',
        message: expect.stringContaining(`"${pattern}"`) as string,
      }),
    )
  })
})

describe('parseRoutePath', () => {
  it.each([
    ['/a/b?c=/d', '/a/b'],
    ['/', '/'],
    ['/a%20b/%C3%A9', '/a b/é'],
    ['/[id]/~x/(y)/a@b:1,2=3', '/[id]/~x/(y)/a@b:1,2=3'],
    ['/...', '/...'],
  ])('reads %s', (target, path) => {
    expect(parseRoutePath(target)).toEqual({ path, excludable: path })
  })

  it('keeps what need not be encoded encoded: routers differ on whether it is the same route', () => {
    expect(parseRoutePath('/%61dmin/%2D')).toEqual({ path: '/admin/-', excludable: '/%61dmin/%2D' })
  })

  it.each([
    ['dot segments', ['/a/../b', '/a/./b', '/..', '/.', '/a/..', '/%2e%2e/b', '/a/%2E./b', '/.%2e/b']],
    ['empty segments', ['//a', '/a//b', '/a//', '//']],
    ['encoded separators', ['/a%2fb', '/a%2Fb', '/a%5cb', '/%2f', '/a%3fb', '/a%23b', '/a%3bb']],
    ['matrix parameters', ['/a;x', '/a;/b', '/;']],
    ['backslashes and fragments', ['/a\\b', '\\a', '/a#b', '/a#/../b']],
    ['undecodable and overlong', ['/%', '/%2', '/%zz', '/%c0%af', '/%c0%ae%c0%ae', '/%ff', '/%ed%a0%80', '/%u002e']],
    ['control characters', ['/a%00', '/%00', '/a%0ab', '/a%0d', '/a%7f', '/a\u0000', '/a\tb', '/a b']],
    ['double encoding', ['/%252e%252e/a', '/%2561', '/a%252fb', '/%25%32%65']],
    ['not ASCII', ['/é', '/a\u00a0', '\ufeff/a']],
    ['other forms', ['http://host/a', 'https://host', '*', '', 'a', 'host:443', '?a', 'x:/a']],
  ])('excludes nothing with %s', (_what, targets) => {
    for (const target of targets) expect(parseRoutePath(target).excludable, target).toBeUndefined()
  })

  it('passes the verifier the path of an absolute-form target', () => {
    expect(parseRoutePath('http://user@host:80/admin?x').path).toBe('/admin')
    expect(parseRoutePath('http://host').path).toBe('/')
  })
})
