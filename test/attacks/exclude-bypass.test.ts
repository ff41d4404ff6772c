import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAdapter } from '../../src/adapters/find-adapter.js'
import { createHealth } from '../../src/adapters/health.js'
import { createGuard } from '../../src/auth/guard.js'
import { frameworks, target, type Running, type TestApp } from '../unit/adapters/apps.js'
import { authSettings, recordingLogger } from '../unit/auth/auth-service.js'

const EXCLUDED = ['/public', '/files/*', '/docs/**', '/open/*/page', '/img/*.png']
const ROUTES = [
  '/',
  '/public',
  '/public/page',
  '/public/:name',
  '/files/:name',
  '/docs/:name',
  '/open/:name/page',
  '/img/:name',
  '/admin',
  '/admin/:name',
  '/health/:name',
  '/:a',
  '/:a/:b',
  '/:a/:b/:c',
]

const TRAVERSALS = [
  '..',
  '%2e%2e',
  '..;',
  '%252e%252e',
  '.',
  '...',
  '%2E%2e',
  '.%2e',
  '%2e.',
  '..;x=1',
  '..%00',
  '%2e%2e%00',
  '..%20',
  '%c0%ae%c0%ae',
  '%e0%80%ae%e0%80%ae',
  '%u002e%u002e',
  '..%09',
  '',
]
const SEPARATORS = [
  '/',
  '//',
  '///',
  '%2f',
  '%2F',
  '%252f',
  '\\',
  '%5c',
  '%255c',
  '/;/',
  ';/',
  ';',
  '/;x=1/',
  '%00/',
  '%00',
  '/%00',
  '%3b/',
  '%c0%af',
  '#/',
  '%23/',
  '?/',
  '%3f/',
  '/%0a',
  '%0d%0a',
  '/\u00a0/',
  '/./',
]
const BASES = [
  '/public',
  '/files/a',
  '/docs/a/b',
  '/open/x/page',
  '/img/a.png',
  '/health',
  '/PUBLIC',
  '/%70ublic',
  '/publi%63',
  '/publics',
  '/public%20',
  '/public.',
  '/public~',
]
const ENDS = ['/admin', '/%61dmin', '/ADMIN', '/admin/', '/public', '/page']

/** Made by hand for one trick each. */
const TRICKS = [
  'http://localhost/admin',
  'http://localhost/public',
  'http://localhost/public/../admin',
  'http://public/admin',
  'HTTP://localhost//admin',
  'http:///public',
  'http://localhost\\public',
  'localhost:80/public',
  '//public/admin',
  '//localhost/public',
  '///public',
  '*',
  'admin',
  'public',
  '?/public',
  '/?/public',
  '/admin?/public',
  '/admin?x=/../public',
  '/admin#/public',
  '/admin%3f/public',
  '/admin/%2e%2e/public',
  '/admin/../public',
  '/admin;/public',
  '/admin;/../public',
  '/admin%00/public',
  '/admin%00.png',
  '/img/../admin.png',
  '/img/..%2fadmin.png',
  '/img/admin%3f.png',
  '/img/admin%23.png',
  '/img/admin;.png',
  '/img/x/a.png',
  '/files/%2e%2e%2fadmin',
  '/files/..',
  '/files/../',
  '/files/',
  '/files//',
  '/files',
  '/open/../admin/page',
  '/open//page',
  '/open/%2fadmin/page',
  '/open/x/%70age',
  '/Public',
  '/PUBLIC/page',
  '/public/',
  '/public//',
  '/public/%2e',
  '/%2fpublic',
  '/%5cpublic',
  '/.',
  '/..',
  '/../public',
  '/./public',
  '/%',
  '/public/%',
  '/public%',
  '/public/%zz',
  `/public/${'../'.repeat(500)}admin`,
  `/public/${'%2e%2e/'.repeat(500)}admin`,
  `/public/${'a'.repeat(8000)}`,
  '/health/../admin',
  '/health/',
  '/HEALTH',
  '/health;x',
  '/actuator/health/../../admin',
]

function generated(): string[] {
  const targets = new Set(TRICKS)
  for (const base of BASES) {
    targets.add(base)
    for (const separator of SEPARATORS) {
      targets.add(base + separator)
      for (const traversal of TRAVERSALS)
        targets.add(`${base}${separator}${traversal}${ENDS[targets.size % ENDS.length]}`)
    }
  }
  const piece = fc.constantFrom(...BASES, ...SEPARATORS, ...TRAVERSALS, ...ENDS, 'admin', 'public', 'a')
  const random = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => `/${pieces.join('')}`)
  for (const path of fc.sample(random, { seed: 7, numRuns: 300 })) targets.add(path)
  return [...targets].filter((path) => !/[\r\n ]/.test(path))
}

/**
 * The path as the most willing of all servers would read it: decoded until nothing is left to decode, every kind of
 * separator taken for one, parameters dropped, dots resolved. Written apart from the code it judges.
 */
function canonical(path: string): string {
  let text = path.replace(/^[a-z]+:\/\/[^/]*/i, '').split(/[?#]/, 1)[0]!
  for (let round = 0; round < 4; round++)
    text = text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const kept: string[] = []
  const segments = text.replaceAll('\\', '/').split('/')
  for (const segment of segments) {
    const name = segment.replace(/;.*$/, '')
    if (name === '..') kept.pop()
    else if (name !== '' && name !== '.') kept.push(name)
  }
  return `/${kept.join('/')}${kept.length > 0 && text.endsWith('/') ? '/' : ''}`
}

/** What `EXCLUDED` and the open health pages mean, said without any code of the product. */
function mayBeOpen(path: string): boolean {
  return (
    /^\/(public|docs)(\/.*)?$/s.test(path) ||
    /^\/files\/[^/]+$/.test(path) ||
    /^\/open\/[^/]+\/page$/.test(path) ||
    /^\/img\/[^/]*\.png$/.test(path) ||
    path === '/health'
  )
}

const encode = (path: string) => path.split('/').map(encodeURIComponent).join('/')
const TOKEN = 'Authorization: Bearer good\r\n'

const variants = [
  ...frameworks.map((framework) => ({ name: framework.name, create: () => framework.create() })),
  // Fastify's most forgiving router; the options moved between the majors.
  ...frameworks
    .filter(({ kind }) => kind === 'fastify')
    .map((framework) => ({
      name: `${framework.name}, lenient`,
      create: () => {
        const lenient = {
          caseSensitive: false,
          ignoreTrailingSlash: true,
          ignoreDuplicateSlashes: true,
          useSemicolonDelimiter: true,
        }
        return framework.create(framework.name === 'fastify 5' ? { routerOptions: lenient } : lenient)
      },
    })),
]

describe.each(variants)('attack: exclude bypass, $name', ({ create }) => {
  const ran = new Map<string, string>()
  let running: Running
  let made: TestApp

  const note = (route: string) => (request: IncomingMessage) => {
    ran.set(String(request.headers['x-case']), route)
    return route
  }

  beforeAll(async () => {
    made = create()
    for (const [index, route] of ROUTES.entries()) {
      if (index === ROUTES.length / 2) mount()
      made.route('GET', route, note(route))
    }
    made.fallback(note('fallback'))
    running = await made.listen()
  })
  afterAll(() => running.close())

  function mount() {
    const guard = createGuard({
      settings: authSettings({ excludePaths: EXCLUDED }),
      verify: (token) => (token === 'good' ? true : 401),
      logger: recordingLogger(),
    })
    findAdapter(made.app).mount(made.app, {
      guard: (request, url) => guard.check(request, url),
      health: createHealth(() => ({ phase: 'serving', registered: true })),
      context: () => undefined,
    })
  }

  /** Which route handled the target, if any. */
  let cases = 0
  async function routeOf(path: string, headers = '', method = 'GET'): Promise<string | undefined> {
    const id = String(++cases)
    await target(running.port, path, { method, headers: `X-Case: ${id}\r\n${headers}` })
    return ran.get(id)
  }
  async function inBatches<T>(list: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
    for (let at = 0; at < list.length; at += 40) await Promise.all(list.slice(at, at + 40).map(run))
  }

  it('runs no handler without a token unless the canonical path is excluded, and then the same handler', async () => {
    const targets = generated()
    const faults: string[] = []
    let opened = 0
    await inBatches(targets, async (path) => {
      const route = await routeOf(path)
      if (route === undefined) return
      opened++
      const plain = canonical(path)
      if (!mayBeOpen(plain)) faults.push(`${path} ran ${route}, but is ${plain}`)
      const meant = await routeOf(encode(plain), TOKEN)
      if (meant !== route) faults.push(`${path} ran ${route}, but ${plain} is handled by ${meant}`)
    })
    expect(faults).toEqual([])
    expect(targets.length).toBeGreaterThan(1500)
    expect(opened).toBeGreaterThan(20)
  })

  it('would have run them: with a token the same targets do reach guarded handlers', async () => {
    const reached = new Set<string>()
    await inBatches(TRICKS, async (path) => {
      const route = await routeOf(path, TOKEN)
      if (route !== undefined && !mayBeOpen(canonical(path))) reached.add(route)
    })
    expect(reached.size).toBeGreaterThan(3)
  })

  it.each(EXCLUDED.map((pattern) => pattern.replace('**', 'a/b').replace('*', 'x')))(
    'opens what is excluded: %s',
    async (path) => {
      expect(await routeOf(path)).toBe(await routeOf(path, TOKEN))
      expect(await routeOf(path)).toBeDefined()
    },
  )

  it('is not fooled by the method', async () => {
    expect(await routeOf('/admin', '', 'HEAD')).toBeUndefined()
    expect(await routeOf('/admin', TOKEN, 'HEAD')).toBeDefined()
    for (const header of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      for (const method of ['OPTIONS', 'POST', 'GET', 'HEAD']) {
        expect(await routeOf('/admin', `${header}: OPTIONS\r\n`, method), `${method} ${header}`).toBeUndefined()
        expect(await routeOf('/admin', `${header}: GET\r\n`, method), `${method} ${header}`).toBeUndefined()
      }
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'get', 'options']) {
      expect(await routeOf('/admin', '', method), method).toBeUndefined()
    }
    expect(await routeOf('/admin?_method=GET', '', 'OPTIONS')).toBeUndefined()
  })

  it('is not fooled by headers that speak of another path or host', async () => {
    for (const header of [
      'X-Original-URL: /public',
      'X-Rewrite-URL: /public',
      'X-Forwarded-Prefix: /public',
      'X-Forwarded-Path: /public',
      'Referer: /public',
      'Host: public',
      'Upgrade: h2c',
    ]) {
      expect(await routeOf('/admin', `${header}\r\n`), header).toBeUndefined()
    }
  })
})
