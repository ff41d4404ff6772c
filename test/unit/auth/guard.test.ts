import { createServer, type IncomingMessage } from 'node:http'
import type { GuardDecision, Verify } from 'nacos-sidecar'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { refusalHeaders, type Refusal } from '../../../src/auth/decision.js'
import { createGuard, type GuardOptions } from '../../../src/auth/guard.js'
import { sendRaw, serve } from '../../support/frameworks.js'
import { authSettings, incoming, say, startAuthService, type AuthService } from '../../support/auth-service.js'
import { collectLog } from '../../support/collect.js'

const bearer = { authorization: 'Bearer secret-t1' }
const status = (decision: GuardDecision) => (decision.allowed ? 200 : decision.status)

let service: AuthService
beforeEach(async () => {
  service = await startAuthService()
})
afterEach(() => service.close())

function guardWith(auth: object = {}, options: Partial<GuardOptions> = {}) {
  const logger = collectLog()
  const guard = createGuard({ settings: authSettings(auth), call: service.call, logger, ...options })
  const check = async (url: string, headers: Record<string, string> = bearer, method = 'GET') =>
    status(await guard.check(incoming(url, headers, method)))
  return { guard, logger, check }
}

describe('createGuard', () => {
  it('is a settings error where it is enabled and has nothing to ask', () => {
    const logger = collectLog()
    const wrong = expect.objectContaining({ code: 'SIDECAR_AUTH_SETTINGS' })
    expect(() => createGuard({ settings: authSettings({ service: undefined }), call: service.call, logger })).toThrow(
      wrong,
    )
    expect(() => createGuard({ settings: authSettings(), logger })).toThrow(wrong)
    expect(() =>
      createGuard({ settings: authSettings({ excludePaths: ['/a/../b'] }), call: service.call, logger }),
    ).toThrow(wrong)
    expect(() =>
      createGuard({ settings: authSettings({ service: undefined }), verify: () => true, logger }),
    ).not.toThrow()
  })

  it('lets everything through where it is disabled', async () => {
    const { check } = guardWith({ enabled: false, service: undefined })
    expect(await check('/a', {})).toBe(200)
  })

  it('asks the central service as it wants to be asked: the path without query, the token in a header only', async () => {
    const { check } = guardWith({ path: '/external/auth/check' }, { code: 'orders' })
    expect(await check('/orders/%E4%B8%AD?token=secret-t1&a=1')).toBe(200)
    const { url, headers } = service.asked[0]!
    expect(url.pathname).toBe('/external/auth/check')
    expect(Object.fromEntries(url.searchParams)).toEqual({ url: '/orders/中', method: 'GET', code: 'orders' })
    expect(headers).toMatchObject({ 'from-source': 'inner', authorization: 'Bearer secret-t1' })
    expect(url.href).not.toContain('secret-t1')
  })

  it('leaves the code out where there is none, and asks for GET where HEAD comes', async () => {
    const { check } = guardWith()
    await check('/a', bearer, 'HEAD')
    expect(service.asked[0]!.url.search).toBe('?url=%2Fa&method=GET')
  })

  it('answers 401 without a token and with a bad one, without a check', async () => {
    const { guard, check } = guardWith()
    expect(await check('/a', {})).toBe(401)
    expect(await check('/a', { authorization: 'Bearer a b' })).toBe(401)
    expect(guard.check(incoming('/a'))).toEqual({
      allowed: false,
      status: 401,
      body: { code: 401, message: expect.any(String) as string },
    })
    expect(service.asked).toHaveLength(0)
  })

  it('distinguishes refused, not valid and down', async () => {
    const { check } = guardWith({ cacheTtl: 0 })
    service.answer = say({ code: 200, data: false })
    expect(await check('/a')).toBe(403)
    service.answer = say('', 403)
    expect(await check('/a')).toBe(403)
    service.answer = say('', 401)
    expect(await check('/a')).toBe(401)
    service.answer = say({ data: true }, 500)
    expect(await check('/a')).toBe(503)
    service.answer = say('<html>')
    expect(await check('/a')).toBe(503)
    service.answer = (_request, response) => void response.destroy()
    expect(await check('/a')).toBe(503)
    service.answer = say({ data: true })
    expect(await check('/a')).toBe(200)
  })

  it('gives up after auth.timeout, also where the answer hangs in mid-body', async () => {
    const { check } = guardWith({ timeout: 50 })
    service.answer = (_request, response) => void response.write('{')
    const start = performance.now()
    expect(await check('/a')).toBe(503)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  it('gives up after auth.timeout where the call ignores its signal', async () => {
    const { check } = guardWith({ timeout: 20 }, { call: () => new Promise(() => {}) })
    expect(await check('/a')).toBe(503)
  })

  it('ends verifications on abort', async () => {
    const stop = new AbortController()
    const { check } = guardWith({ timeout: 10_000 }, { signal: stop.signal })
    service.answer = () => stop.abort()
    expect(await check('/a')).toBe(503)
    expect(await check('/a')).toBe(503)
  })

  it('says once that the verifier is gone and once that it is back, without the token', async () => {
    const { check, logger } = guardWith(
      { service: undefined },
      {
        verify: vi
          .fn<Verify>()
          .mockRejectedValueOnce(new Error('bad token secret-t1'))
          .mockRejectedValueOnce(new Error('still'))
          .mockResolvedValue(true),
      },
    )
    for (const expected of [503, 503, 200]) expect(await check('/a')).toBe(expected)
    expect(logger.lines.filter((line) => !line.startsWith('debug'))).toEqual([
      'warn auth: the verifier does not decide: bad token ***; guarded requests get 503 until it does',
      'info auth: the verifier decides again after 2 failed requests',
    ])
  })
})

describe('what is open', () => {
  it('excluded paths, by the path the router sees where that is another', async () => {
    const { guard, check } = guardWith({ excludePaths: ['/static', '/docs/**'] })
    expect(await check('/static/a.js', {})).toBe(200)
    expect(await check('/statics', {})).toBe(401)
    expect(await guard.check(incoming('/static/x'), '/admin/static/x')).toMatchObject({ status: 401 })
    expect(await guard.check(incoming('/x'), '/docs/x')).toMatchObject({ allowed: true })
    // A bad token is no reason to close an open path.
    expect(await check('/static', { authorization: 'Bearer a b' })).toBe(200)
  })

  it('health pages, exactly, for GET and HEAD', async () => {
    const { check } = guardWith()
    for (const path of [
      '/health',
      '/health?a=1',
      '/actuator/health',
      '/actuator/health/liveness',
      '/actuator/health/readiness',
    ]) {
      expect(await check(path, {}), path).toBe(200)
      expect(await check(path, {}, 'HEAD'), path).toBe(200)
      expect(await check(path, {}, 'POST'), path).toBe(401)
    }
    for (const path of [
      '/health/',
      '/healthy',
      '/health/db',
      '/actuator',
      '/actuator/env',
      '/HEALTH',
      '//health',
      '/a?/health',
    ]) {
      expect(await check(path, {}), path).toBe(401)
    }
  })

  it('G1: true preflights, and no OPTIONS that is to become something else behind the guard', async () => {
    const { check } = guardWith()
    const preflight = { origin: 'http://b', 'access-control-request-method': 'PUT' }
    const open = (url: string, more: Record<string, string> = {}) => check(url, { ...preflight, ...more }, 'OPTIONS')
    expect(await open('/a')).toBe(200)
    expect(await open('/a?b=c', { 'content-length': '0' })).toBe(200)
    expect(await check('/a', {}, 'OPTIONS')).toBe(401)
    for (const missing of ['origin', 'access-control-request-method'])
      expect(await open('/a', { [missing]: '' }), missing).toBe(401)
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override'])
      expect(await open('/a', { [name]: 'DELETE' }), name).toBe(401)
    for (const url of ['/a?_method=DELETE', '/a?b&_Method=x', '/a?%5fmethod=x', '/a?%5F%6dethod=x', '/a?_method[]=x'])
      expect(await open(url), url).toBe(401)
    expect(await open('/a', { 'content-length': '9' })).toBe(401)
    expect(await open('/a', { 'transfer-encoding': 'chunked' })).toBe(401)
    expect(await open('/a', { upgrade: 'websocket', connection: 'upgrade' })).toBe(401)
  })

  it('G1: auth.open-preflight: false closes preflights too', async () => {
    const { check } = guardWith({ openPreflight: false })
    const preflight = { origin: 'http://b', 'access-control-request-method': 'PUT' }
    expect(await check('/a', preflight, 'OPTIONS')).toBe(401)
    expect(await check('/a', { ...preflight, ...bearer }, 'OPTIONS')).toBe(200)
  })
})

describe('G4: a method override', () => {
  const asked = () => service.asked.map(({ url }) => url.searchParams.get('method'))

  it.each([
    ['x-http-method-override', 'DELETE', '/a'],
    ['x-method-override', 'delete', '/a'],
    ['x-http-method', ' Delete ', '/a'],
    ['x-other', 'x', '/a?_method=DELETE'],
    ['x-other', 'x', '/a?b=1&%5fm%65thod=delete'],
    ['x-other', 'x', '/a?_method[]=DELETE'],
    ['x-other', 'x', '/a?%5B_method%5D=DELETE'],
  ])('G4: both methods are asked about: %s: %s %s', async (name, value, url) => {
    const { check } = guardWith()
    service.answer = (request, response) => say({ data: !request.url!.includes('method=DELETE') })(request, response)
    expect(await check(url, { ...bearer, [name]: value }, 'POST')).toBe(403)
    expect(asked()).toEqual(['POST', 'DELETE'])
    service.answer = say({ data: true })
    const { check: anew } = guardWith()
    expect(await anew(url, { ...bearer, [name]: value }, 'POST')).toBe(200)
  })

  it('G4: nothing more is asked after a refusal, and nothing at all where methods differ', async () => {
    const { check } = guardWith()
    service.answer = say({ data: false })
    expect(await check('/a', { ...bearer, 'x-http-method': 'DELETE' }, 'POST')).toBe(403)
    expect(asked()).toEqual(['POST'])
    service.answer = say({ data: true })
    expect(await check('/b', { ...bearer, 'x-http-method': 'DELETE, PUT' }, 'POST')).toBe(403)
    expect(await check('/b?_method=PUT', { ...bearer, 'x-http-method': 'DELETE' }, 'POST')).toBe(403)
    expect(await check('/b', { ...bearer, 'x-http-method': 'DEL ETE' }, 'POST')).toBe(403)
    expect(asked()).toEqual(['POST'])
  })

  it('G4: one that names the same method changes nothing; a health page is open for what it is', async () => {
    const { check } = guardWith()
    expect(await check('/a?_method=post', { ...bearer, 'x-http-method': 'POST' }, 'POST')).toBe(200)
    expect(await check('/a', { ...bearer, 'x-http-method': 'GET' }, 'HEAD')).toBe(200)
    expect(asked()).toEqual(['POST', 'GET'])
    expect(await check('/health', {})).toBe(200)
    expect(await check('/health', { 'x-http-method': 'DELETE' })).toBe(401)
    expect(await check('/health?_method=POST', {})).toBe(401)
  })
})

describe('what is refused for its token alone', () => {
  it('G5: says that the request holds several', async () => {
    const { guard } = guardWith()
    const decision = await guard.check(incoming('/', { ...bearer, 'x-token': 'other' }))
    expect(decision).toMatchObject({
      status: 401,
      body: { message: expect.stringContaining('auth.token.sources') as string },
    })
    const { check } = guardWith({ token: { sources: 'x-token, bearer' } })
    expect(await check('/', { ...bearer, 'x-token': 'other' })).toBe(200)
    expect(service.asked[0]!.headers.authorization).toBe('Bearer other')
  })

  it('K19: takes any token that a request can hold; a limit of its own is named', async () => {
    const long = { authorization: `Bearer ${'a'.repeat(15_000)}` }
    expect(await guardWith().check('/', long)).toBe(200)
    const { guard } = guardWith({ token: { maxLength: 100 } })
    expect(await guard.check(incoming('/', long))).toMatchObject({
      status: 401,
      body: { message: expect.stringContaining('auth.token.max-length permits: 100') as string },
    })
    expect(await guard.check(incoming('/', { authorization: `Bearer ${'a'.repeat(100)}` }))).toMatchObject({
      allowed: true,
    })
  })
})

describe('checks under way', () => {
  const slow = () => {
    const waiting: ((verdict: boolean) => void)[] = []
    const { guard, logger } = guardWith(
      { service: undefined, maxPending: 4 },
      { verify: () => new Promise<boolean>((resolve) => waiting.push(resolve)) },
    )
    const ask = (token: string, socket: object) =>
      guard.check(Object.assign(incoming('/', { authorization: `Bearer ${token}` }), { socket }) as IncomingMessage)
    return { waiting, ask, logger, guard }
  }

  it('G3: are bounded in all and for each connection; others get 503 with Retry-After', async () => {
    const { waiting, ask, logger, guard } = slow()
    const [one, two, three] = [{}, {}, {}]
    const first = [ask('a', one), ask('b', one)]
    const refused = await ask('c', one)
    expect(refused).toMatchObject({ status: 503, retryAfter: 1 })
    expect(refusalHeaders(refused as Refusal)).toMatchObject({ 'retry-after': '1' })
    const second = [ask('d', two), ask('e', two)]
    expect(status(await ask('f', three))).toBe(503)
    // What another one asks about anyway needs no place, and a health page is open all the while.
    const shared = ask('a', three)
    expect(status(await guard.check(incoming('/health', {})))).toBe(200)
    expect(waiting).toHaveLength(4)
    for (const answer of waiting) answer(true)
    expect((await Promise.all([...first, ...second, shared])).map(status)).toEqual([200, 200, 200, 200, 200])
    expect(logger.lines.filter((line) => line.includes('auth.max-pending'))).toHaveLength(1)
    const later = ask('g', one)
    waiting.at(-1)!(true)
    expect(status(await later)).toBe(200)
  })
})

describe('the cache', () => {
  it('answers at once for the same token, method and path, and only for those', async () => {
    const { guard, check } = guardWith()
    await check('/a')
    expect(guard.check(incoming('/a?other=query', bearer))).toEqual({ allowed: true, token: 'secret-t1' })
    expect(guard.check(incoming('/a', bearer, 'HEAD'))).toMatchObject({ allowed: true })
    expect(service.asked).toHaveLength(1)
    for (const other of [
      incoming('/b', bearer),
      incoming('/a', bearer, 'POST'),
      incoming('/a', { authorization: 'Bearer t2' }),
    ]) {
      expect(guard.check(other)).toBeInstanceOf(Promise)
      await guard.check(other)
    }
  })

  it('remembers a refusal too, but not as long', async () => {
    let now = 0
    const { guard, check } = guardWith({ cacheTtl: 5000 }, { now: () => now })
    service.answer = say({ data: false })
    await check('/no')
    service.answer = say({ data: true })
    await check('/yes')
    now = 999
    expect(guard.check(incoming('/no', bearer))).toMatchObject({ status: 403 })
    now = 1000
    expect(await check('/no')).toBe(200)
    now = 4999
    expect(guard.check(incoming('/yes', bearer))).toMatchObject({ allowed: true })
    now = 5000
    service.answer = say('', 401)
    expect(await check('/yes')).toBe(401)
  })

  it('checks once for all waiting requests', async () => {
    const { check } = guardWith()
    const open: (() => void)[] = []
    service.answer = (request, response) => void open.push(() => say({ data: false })(request, response))
    const waiting = Array.from({ length: 50 }, () => check('/a'))
    await vi.waitFor(() => expect(open).toHaveLength(1))
    open[0]!()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([403]))
    expect(service.asked).toHaveLength(1)
  })

  it('does not cache a failed check', async () => {
    const { check } = guardWith()
    service.answer = say('', 500)
    expect(await check('/a')).toBe(503)
    service.answer = say({ data: true })
    expect(await check('/a')).toBe(200)
  })

  it('does not take a known token for a credential where it stands without a scheme', async () => {
    const { check } = guardWith()
    expect(await check('/a', { cookie: 'token=t1' })).toBe(200)
    expect(await check('/a', { authorization: 't1' })).toBe(401)
  })

  it('knows a token wherever it stands, and a path by whichever name', async () => {
    const { check } = guardWith()
    await check('/admin')
    await check('/%61dmin')
    await check('/admin', { cookie: 'token=secret-t1' })
    await check('/admin?x', { authorization: 'bearer   secret-t1' })
    expect(service.asked).toHaveLength(1)
  })

  it('keeps what is refused so in an outage, by whichever name of its path', async () => {
    const { check } = guardWith({ failOpen: true })
    service.answer = say({ data: false })
    expect(await check('/admin')).toBe(403)
    service.answer = say('', 500)
    expect(await check('/%61dmin')).toBe(403)
    expect(await check('/other')).toBe(200)
  })

  it('asks every time where cache-ttl is 0', async () => {
    const { check } = guardWith({ cacheTtl: 0 })
    await Promise.all([check('/a'), check('/a')])
    await check('/a')
    expect(service.asked).toHaveLength(3)
  })
})

describe('a verify function', () => {
  it.each<[unknown, number]>([
    [true, 200],
    [false, 403],
    [403, 403],
    [401, 401],
    [undefined, 403],
    [1, 403],
    [{ allowed: true }, 403],
  ])('that says %j means %i', async (result, expected) => {
    const verify = vi.fn(() => result as boolean)
    const { check } = guardWith({}, { verify })
    expect(await check('/a/b?c=1', bearer, 'POST')).toBe(expected)
    expect(verify).toHaveBeenCalledWith('secret-t1', expect.objectContaining({ method: 'POST', url: '/a/b' }))
    expect(service.asked).toHaveLength(0)
  })

  it('that looks at the headers decides for its own request only', async () => {
    const verify: Verify = vi.fn(async (_token, request) => {
      await new Promise((resolve) => setImmediate(resolve))
      return request.headers['x-tenant'] === 'mine'
    })
    const { check } = guardWith({}, { verify })
    const tenants = ['mine', 'other', 'mine', 'other', 'other']
    const results = await Promise.all(tenants.map((tenant) => check('/a', { ...bearer, 'x-tenant': tenant })))
    expect(results).toEqual([200, 403, 200, 403, 403])
    expect(await check('/a', { ...bearer, 'x-tenant': 'other' })).toBe(403)
    expect(verify).toHaveBeenCalledTimes(6)
  })
})

describe('guardUpgrade', () => {
  it('answers a refused upgrade on its socket, and opens excluded ones', async () => {
    const { guard } = guardWith({ excludePaths: ['/public'] })
    const server = createServer()
    server.on('upgrade', (request, socket) => {
      void guard
        .upgrade(request, socket)
        .then((decision) => decision.allowed && socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
    })
    const { port, close } = await serve(server)
    const upgrade = (path: string, headers = '') =>
      sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`)
    const refused = await upgrade('/ws')
    expect(refused.status).toBe(401)
    expect(refused.text).toMatch(/www-authenticate: Bearer\r\n/i)
    expect(JSON.parse(refused.text.split('\r\n\r\n')[1]!)).toMatchObject({ code: 401 })
    expect((await upgrade('/ws', 'Authorization: Bearer secret-t1\r\n')).status).toBe(101)
    expect((await upgrade('/ws?token=secret-t1')).status).toBe(101)
    expect((await upgrade('/public/ws')).status).toBe(101)
    // Open as a page, not as an upgrade.
    expect((await upgrade('/health')).status).toBe(401)
    await close()
  })

  it('lives through a peer that resets while it decides', async () => {
    let decide!: () => void
    const { guard } = guardWith({}, { verify: () => new Promise((resolve) => (decide = () => resolve(false))) })
    const server = createServer()
    const decided = new Promise<GuardDecision>((resolve) => {
      server.on('upgrade', (request, socket) => {
        void guard.upgrade(request, socket).then(resolve)
        setImmediate(() => {
          socket.destroy(new Error('reset'))
          socket.once('close', decide)
        })
      })
    })
    const { port, close } = await serve(server)
    await sendRaw(
      port,
      'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer t\r\n\r\n',
    )
    expect(await decided).toMatchObject({ status: 403 })
    await close()
  })
})
