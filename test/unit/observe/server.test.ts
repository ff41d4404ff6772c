import Router from '@koa/router'
import express from 'express'
import Koa from 'koa'
import type { Sidecar, Verify } from 'nacos-sidecar'
import { createServer } from 'node:http'
import { connect, createServer as createHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { express4, frameworks, serve, target, unansweredRoute, type Running } from '../../support/frameworks.js'
import { observer } from '../../support/member.js'
import { createMemoryTransport } from '../../support/memory-transport.js'

/** A sidecar in front of an app; nothing is registered. */
async function sidecarOf(app: unknown, settings: object = {}): Promise<Sidecar> {
  const options = { app, transport: createMemoryTransport() }
  return observer({ 'application.name': 'portal', 'cloud.nacos.config.enabled': false, ...settings }, options)
}

/** `GET /a 2/1` for each: name, count, errors. */
const names = (sidecar: Sidecar) =>
  sidecar
    .stats()
    .operations.filter(({ kind }) => kind === 'server')
    .map(({ name, count, errors }) => `${name} ${count}/${errors}`)
    .sort()

/** The response ends for its server a moment after it has ended for the caller. */
const served = (sidecar: Sidecar, expected: string[]) =>
  vi.waitFor(() => expect(names(sidecar)).toEqual([...expected].sort()))

const running = (app: Running) => {
  onTestFinished(() => app.close())
  return app
}

describe.each(frameworks)('$name', ({ create }) => {
  test('a request counts by its method and the pattern of its route; below 500 is no failure', async () => {
    const { app, route, listen } = create()
    const sidecar = await sidecarOf(app)
    route('GET', '/users/:id', ({ url }) => {
      if (url === '/users/broken') throw new Error('broken')
      return {}
    })
    route('POST', '/users', () => ({}))
    const { port } = running(await listen())
    for (const path of ['/users/1', '/users/2?token=canary', '/users/broken', '/nowhere/3', '/health'])
      await target(port, path)
    await target(port, '/users', { method: 'POST', headers: 'Content-Length: 0\r\n' })
    await served(sidecar, ['GET /users/:id 3/1', 'POST /users 1/0', 'GET * 1/0', 'GET /health 1/0'])
    const [users] = sidecar.stats().operations.filter(({ name }) => name === 'GET /users/:id')
    expect(users).toMatchObject({ samples: [{ status: 200 }], errorSamples: [{ status: 500 }] })
    expect(JSON.stringify(sidecar.stats())).not.toContain('canary')
  })

  test('what the guard refuses counts, and the trace of a request is in its sample', async () => {
    const { app, route, listen } = create()
    const auth = { 'auth.enabled': true, 'auth.service': 'auth-service' }
    const sidecar = await sidecarOf(app, { ...auth, 'auth.exclude-paths': '/open' })
    route('GET', '/closed', () => ({}))
    route('GET', '/open', () => ({}))
    const { port } = running(await listen())
    const trace = '0af7651916cd43dd8448eb211c80319c'
    await target(port, '/open', { headers: `traceparent: 00-${trace}-b7ad6b7169203331-01\r\n` })
    expect((await target(port, '/closed')).status).toBe(401)
    await vi.waitFor(() => expect(names(sidecar)).toHaveLength(2))
    const operations = sidecar.stats().operations.filter(({ kind }) => kind === 'server')
    expect(operations[0]).toMatchObject({ name: 'GET /open', samples: [{ traceId: trace }] })
    expect(operations[1]).toMatchObject({ count: 1, errors: 0, samples: [{ status: 401 }] })
  })

  test('an expected status is no failure', async () => {
    const { app, route, listen } = create()
    const sidecar = await sidecarOf(app, { 'sidecar.observe.expected': '500' })
    route('GET', '/a', () => {
      throw new Error('expected')
    })
    const { port } = running(await listen())
    await target(port, '/a')
    await served(sidecar, ['GET /a 1/0'])
  })

  test('a caller that goes away is no failure of ours', async () => {
    const { app, route, listen } = create()
    const sidecar = await sidecarOf(app)
    const goAway = unansweredRoute({ route }, '/slow')
    await goAway(running(await listen()).port)
    await served(sidecar, ['GET /slow 1/0'])
    expect(sidecar.stats().operations.find(({ kind }) => kind === 'server')).toMatchObject({
      samples: [{ code: 'aborted' }],
    })
  })
})

describe.each([
  ['express 5', express],
  ['express 4', express4],
] as const)('routers of %s', (_, create) => {
  const router = (options = {}) => create.Router(options)

  test('the path of a router is part of the pattern, also where the route ends in an error', async () => {
    const app = create()
    app.set('env', 'test')
    const sidecar = await sidecarOf(app)
    const inner = router()
    inner.get('/users/:id', (request, response, next) =>
      request.params['id'] === '0' ? next(new Error('no')) : void response.end(),
    )
    const outer = router()
    outer.use('/v1', inner)
    app.use('/api', outer)
    const { port } = running(await serve(createServer(app)))
    for (const path of ['/api/v1/users/1', '/API/v1/users/0', '/api/V1/users/2'])
      await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    await served(sidecar, ['GET /api/v1/users/:id 3/1'])
  })

  test.each([true, false])('variables of a router stay variables (mergeParams: %s)', async (mergeParams) => {
    const app = create()
    const sidecar = await sidecarOf(app)
    const orders = router({ mergeParams })
    orders.get('/orders/:order', (_, response) => void response.end())
    app.use('/tenants/:tenant', orders)
    const { port } = running(await serve(createServer(app)))
    for (let n = 0; n < 40; n++) await target(port, `/tenants/t${n}/orders/${n}`)
    await served(sidecar, ['GET /tenants/:tenant/orders/:order 40/0'])
  })

  test('variables of a mounted app stay variables; a router at two paths is named by the one that is asked for', async () => {
    const app = create()
    const sidecar = await sidecarOf(app)
    const shared = router({ mergeParams: true })
    shared.get('/list', (_, response) => void response.end())
    const [sub, deep] = [create(), create()]
    deep.get('/orders/:order', (_, response) => void response.end())
    sub.use('/v1', deep)
    app.use('/tenants/:tenant', sub)
    app.use('/shops/:shop', shared)
    app.use('/admin/', shared)
    const { port } = running(await serve(createServer(app)))
    for (let n = 0; n < 20; n++) {
      for (const path of [`/tenants/t${n}/v1/orders/${n}`, `/shops/s${n}/list`, '/admin/list']) await target(port, path)
    }
    await served(sidecar, [
      'GET /admin/list 20/0',
      'GET /shops/:shop/list 20/0',
      'GET /tenants/:tenant/v1/orders/:order 20/0',
    ])
  })

  test('a mounted app, and a router at a regular expression: few names, whatever is asked for', async () => {
    const app = create()
    const sidecar = await sidecarOf(app)
    const sub = create()
    sub.get('/a', (_, response) => void response.end())
    app.use('/sub', sub)
    const any = router()
    any.get('/b', (_, response) => void response.end())
    app.use(/^\/r\d+/, any)
    const { port } = running(await serve(createServer(app)))
    await target(port, '/sub/a')
    for (let n = 0; n < 60; n++) await target(port, `/r${n}/b`)
    await vi.waitFor(() => expect(sidecar.stats().operations.reduce((sum, { count }) => sum + count, 0)).toBe(61))
    expect(names(sidecar)).toContain('GET /sub/a 1/0')
    expect(names(sidecar).length).toBeLessThan(20)
  })
})

describe('checks of tokens', () => {
  const check = async (verify: Verify) => {
    const app = new Koa()
    const options = { app, verify, transport: createMemoryTransport() }
    const settings = { 'application.name': 'portal', 'cloud.nacos.config.enabled': false, 'auth.enabled': true }
    const sidecar = await observer(settings, options)
    app.use((context) => void (context.body = {}))
    const { port } = running(await serve(createServer(app.callback())))
    const ask = (token: string) => target(port, '/', { headers: `Authorization: Bearer ${token}\r\n` })
    return { ask, checks: () => sidecar.stats().operations.filter(({ kind }) => kind === 'auth') }
  }

  test('count where the verifier is asked; a refusal is no failure', async () => {
    const { ask, checks } = await check((token) => token === 'good')
    for (const token of ['good', 'good', 'bad']) await ask(token)
    expect(checks()).toMatchObject([{ name: 'verify', count: 2, errors: 0 }])
  })

  test('a verifier that throws has failed; its message, which may hold the token, is not kept', async () => {
    const { ask, checks } = await check((token) => {
      throw new TypeError(`cannot read ${token}`)
    })
    expect((await ask('canary')).status).toBe(503)
    expect(checks()).toMatchObject([{ count: 1, errors: 1, errorSamples: [{ code: 'TypeError' }] }])
    expect(JSON.stringify(checks())).not.toContain('canary')
  })
})

test('a prefix of the router of Koa is part of the pattern', async () => {
  const app = new Koa()
  const sidecar = await sidecarOf(app)
  const router = new Router({ prefix: '/api' })
  router.get('/users/:id', (context) => void (context.body = {}))
  app.use(router.routes())
  const { port } = running(await serve(createServer(app.callback())))
  await target(port, '/api/users/1')
  await served(sidecar, ['GET /api/users/:id 1/0'])
})

test('a method that the router of Koa does not know is no failure', async () => {
  const app = new Koa()
  const sidecar = await sidecarOf(app)
  const router = new Router()
  router.get('/users/:id', (context) => void (context.body = {}))
  app.use(router.routes()).use(router.allowedMethods())
  const { port } = running(await serve(createServer(app.callback())))
  expect(await target(port, '/users/1', { method: 'PROPFIND' })).toMatchObject({ status: 501 })
  await served(sidecar, ['PROPFIND * 1/0'])
})

test('over HTTP/2 any text is a method: it is no name', async () => {
  const app = new Koa()
  const sidecar = await sidecarOf(app)
  app.use((context) => void (context.body = {}))
  const server = createHttp2(app.callback())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => void (session.destroy(), server.close()))
  for (let n = 0; n < 20; n++) {
    const stream = session.request({ ':method': `M${n}`, ':path': '/' })
    stream.resume()
    await once(stream.end(), 'close')
  }
  await served(sidecar, ['OTHER * 20/0'])
})
