import { once } from 'node:events'
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import { inspect } from 'node:util'
import express from 'express'
import Koa from 'koa'
import { defineClient, FeignError, GET } from 'nacos-sidecar'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { recordingProxy } from '../contract/support/recording-proxy.js'
import { killChildren } from '../support/child.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { answering, join, observer } from '../support/member.js'
import { startScript } from '../support/script.js'
import { testRegistry } from '../support/registry.js'

afterEach(killChildren)

const users = defineClient('user-service', { me: GET('/me').as<() => Promise<{ who: string }>>() })

describe('typed calls through the registry', () => {
  test.each([
    { weights: [1, 1], expected: [50, 50] },
    { weights: [3, 1], expected: [75, 25] },
    { weights: [2, 0], expected: [100, undefined] },
  ])('100 calls, weights $weights: $expected', async ({ weights, expected }) => {
    const registry = await testRegistry()
    for (const [who, weight] of weights.entries()) await registry.stub('user-service', answering({ who }), { weight })
    const sidecar = await observer(registry.settings())
    const client = sidecar.client(users)
    const counts: Record<string, number> = {}
    for (let call = 0; call < 100; call++) {
      const { who } = await client.me()
      counts[who] = (counts[who] ?? 0) + 1
    }
    expect(weights.map((_, who) => counts[who])).toEqual(expected)
    expect(await sidecar.discovery.instances('user-service')).toHaveLength(weights.filter(Boolean).length)
  })

  test('fetch and axios know the same names', async () => {
    const registry = await testRegistry()
    await registry.stub('user-service', answering({ who: 'Ada' }))
    const sidecar = await observer(registry.settings())
    expect(await (await sidecar.fetch('http://user-service/me')).json()).toEqual({ who: 'Ada' })
    expect((await sidecar.axios.get('http://user-service/me')).data).toEqual({ who: 'Ada' })
    const picked = await sidecar.discovery.pick('user-service')
    picked.done('ok')
    expect(picked.instance).toMatchObject({ service: 'user-service', ip: '127.0.0.1' })
    await expect(sidecar.discovery.pick('nobody')).rejects.toMatchObject({ code: 'SIDECAR_NO_INSTANCE' })
  })
})

describe('configuration', () => {
  const PYTHON = (server: string, open: string, close: string) => `
server:
  port: 8002
application:
  name: user-service
profiles:
  active: dev
cloud:
  nacos:
    discovery:
      server-addr: ${server}
      ip: 127.0.0.1
    config:
      server-addr: ${server}
      file-extension: yml
      shared-configs:
        - application-${open}spring.profiles.active${close}.${open}spring.cloud.nacos.config.file-extension${close}
`
  test.each([
    ['${', '}'],
    ['$<', '>'],
  ])("the Python library's bootstrap.yml, %s…%s: asks for exactly application-dev.yml", async (open, close) => {
    const registry = await testRegistry()
    registry.configs.publish({ dataId: 'application-dev.yml', content: 'db: { host: 10.1.2.3, pool: 5 }' })
    const proxy = await recordingProxy(registry.address)
    onTestFinished(() => proxy.close())
    const child = startScript(
      `import { config, configLocal, configRemote, initSidecar } from 'nacos-sidecar'
       const sidecar = await initSidecar()
       say('config', {
         port: configLocal('server.port', 0),
         host: configRemote('db.host'),
         pool: config('db.pool', 1),
         explained: sidecar.config.explain('db.host'),
         documents: sidecar.status().documents,
       })
       await sidecar.stop()`,
      { bootstrap: PYTHON(proxy.server, open, close) },
    )
    expect(await child.message('config')).toMatchObject({
      port: 8002,
      host: '10.1.2.3',
      pool: 5,
      explained: { value: '10.1.2.3', origin: { layer: 'remote', document: 'application-dev.yml' } },
      documents: ['application-dev.yml'],
    })
    expect(await child.exited).toEqual({ code: 0, signal: null })
    const asked = proxy.requests
      .filter(({ url }) => url.includes('/cs/config?') || url.includes('/cs/configs?'))
      .map(({ url }) => new URL(url, 'http://nacos').searchParams.get('dataId'))
    expect(asked.toSorted()).toEqual([
      'application-dev.yml',
      'user-service',
      'user-service-dev.yml',
      'user-service.yml',
    ])
  })

  test('explain says where a value comes from and what it hides, secrets masked', async () => {
    const registry = await testRegistry()
    registry.configs.publish({ dataId: 'shared.yml', content: 'greeting: shared\nonly: shared' })
    registry.configs.publish({ dataId: 'portal.yml', content: 'greeting: portal\ndb.password: canary' })
    const sidecar = await observer(
      registry.settings({
        application: { name: 'portal' },
        cloud: { nacos: { config: { sharedConfigs: ['shared.yml'] } } },
      }),
    )
    expect(sidecar.config.explain('greeting')).toMatchObject({
      value: 'portal',
      origin: { layer: 'remote', document: 'portal.yml', line: 1 },
      shadows: [{ value: 'shared', document: 'shared.yml' }],
    })
    expect(sidecar.config.explain('db.password').value).toBe('***')
    expect(sidecar.config.get('db.password')).toBe('canary')
    expect(sidecar.status().documents).toEqual(['shared.yml', 'portal.yml'])
  })
})

test('two namespaces in one process: configs, services and clients are apart', async () => {
  const registry = await testRegistry()
  const sidecars = []
  for (const namespace of ['blue', 'green']) {
    await registry.stub('user-service', answering({ who: namespace }), { namespace })
    registry.configs.publish({ dataId: 'portal.yml', namespace, content: `colour: ${namespace}` })
    const own = { application: { name: 'portal' }, 'cloud.nacos.namespace': namespace }
    sidecars.push((await join(express(), registry.settings(own))).sidecar)
  }
  const [blue, green] = sidecars as [(typeof sidecars)[0], (typeof sidecars)[0]]
  expect([blue.config.get('colour'), green.config.get('colour')]).toEqual(['blue', 'green'])
  const clients = sidecars.map((sidecar) => sidecar.client(users))
  for (let round = 0; round < 3; round++) {
    expect(await Promise.all(clients.map((client) => client.me()))).toEqual([{ who: 'blue' }, { who: 'green' }])
  }
  const portals = registry.server.services().filter(({ service }) => service === 'portal')
  expect(portals.map(({ namespace }) => namespace).toSorted()).toEqual(['blue', 'green'])

  // One leaves; the other does not notice.
  await blue.stop()
  await expect(clients[0]!.me()).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
  expect(await clients[1]!.me()).toEqual({ who: 'green' })
  expect(green.status()).toMatchObject({ phase: 'serving', registered: true })
})

describe('the guard and what travels on', () => {
  const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

  const authService = (asked: { url: URL; headers: IncomingHttpHeaders }[]): RequestListener => {
    const verdicts: Record<string, [number, object]> = {
      'Bearer reader': [200, { code: 200, data: { hasPermission: true } }],
      'Bearer guest': [200, { code: 200, data: { hasPermission: false } }],
    }
    return (request, response) => {
      asked.push({ url: new URL(request.url!, 'http://auth'), headers: request.headers })
      const [status, body] = verdicts[request.headers.authorization!] ?? [401, { code: 401 }]
      response.writeHead(status).end(JSON.stringify(body))
    }
  }

  test.each(['logical name', 'name in CAPITALS', 'URL'])(
    'a central auth service by its %s: 401, 403, 200, and 503 without it',
    async (by) => {
      const registry = await testRegistry()
      const asked: { url: URL; headers: IncomingHttpHeaders }[] = []
      const name = by.includes('CAPITALS') ? 'AUTH-SERVICE' : 'auth-service'
      const auth = await registry.stub(name, authService(asked))
      const app = express()
      app.get('/admin/:id', (_request, response) => void response.json({ ok: true }))
      app.get('/public/x', (_request, response) => void response.json({ ok: true }))
      const service = by === 'URL' ? auth.url : name
      const { url } = await join(
        app,
        registry.settings({
          application: { name: 'portal', code: 'P1' },
          auth: { enabled: true, service, excludePaths: ['/public'], cacheTtl: 0 },
        }),
      )
      const status = async (path: string, token?: string) =>
        (await fetch(`${url}${path}`, token ? { headers: { authorization: `Bearer ${token}` } } : {})).status
      expect(await status('/admin/7?secret=1')).toBe(401)
      expect(asked).toEqual([])
      expect(await status('/admin/7', 'stranger')).toBe(401)
      expect(await status('/admin/7', 'guest')).toBe(403)
      expect(await status('/admin/7?secret=1', 'reader')).toBe(200)
      expect(await status('/public/x')).toBe(200)
      expect(await status('/health')).toBe(200)
      expect(Object.fromEntries(asked.at(-1)!.url.searchParams)).toEqual({ url: '/admin/7', method: 'GET', code: 'P1' })
      expect(asked.at(-1)!.url.pathname).toBe('/external/auth/check')
      expect(asked.at(-1)!.headers['from-source']).toBe('inner')
      await auth.stop()
      expect(await status('/admin/7', 'reader')).toBe(503)
      expect(await status('/admin/7')).toBe(401)
    },
  )

  test('token and trace go through two hops; a refusal comes back', async () => {
    const registry = await testRegistry()
    await registry.stub('auth-service', authService([]))
    const seen: IncomingHttpHeaders[] = []
    await registry.stub('user-service', (request, response) => {
      seen.push(request.headers)
      response.end('{"who":"Ada"}')
    })
    const orders = new Koa()
    orders.use(async (context) => void (context.body = await hop2.me()))
    const { sidecar: ordersSidecar } = await join(
      orders,
      registry.settings({ application: { name: 'order-service' }, auth: { enabled: true, service: 'auth-service' } }),
    )
    const hop2 = ordersSidecar.client(users)

    const portal = express()
    const { sidecar, url } = await join(portal, registry.settings({ application: { name: 'portal' } }))
    const hop1 = sidecar.client(defineClient('order-service', { any: GET('/orders') }))
    portal.get('/', (_request, response, next) => {
      hop1.any().then(
        (body) => response.json(body),
        (error) => (error instanceof FeignError ? response.sendStatus(error.status ?? 502) : next(error)),
      )
    })

    const get = (headers: Record<string, string>) => fetch(url, { headers })
    const answer = await get({ authorization: 'Bearer reader', traceparent: TRACE })
    expect([answer.status, await answer.json()]).toEqual([200, { who: 'Ada' }])
    expect(seen).toHaveLength(1)
    expect(seen[0]!.authorization).toBe('Bearer reader')
    expect(seen[0]!.traceparent).toContain(TRACE.split('-')[1])
    expect((await get({ authorization: 'Bearer guest' })).status).toBe(403)
    expect((await get({})).status).toBe(401)
    expect(seen).toHaveLength(1)

    // Many at once: no request gets another's token.
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        get({ authorization: 'Bearer reader', traceparent: TRACE.replace('4bf9', String(1000 + index)) }),
      ),
    )
    expect(new Set(seen.slice(1).map(({ traceparent }) => traceparent)).size).toBe(20)
  })

  test('nothing travels on with sidecar.forward-context: false', async () => {
    const registry = await testRegistry()
    const seen: IncomingHttpHeaders[] = []
    await registry.stub('user-service', (request, response) => {
      seen.push(request.headers)
      response.end('{"who":"Ada"}')
    })
    const portal = express()
    const settings = registry.settings({ application: { name: 'portal' }, 'sidecar.forward-context': false })
    const { sidecar, url } = await join(portal, settings)
    const client = sidecar.client(users)
    portal.get('/', (_request, response, next) => {
      client.me().then((body) => response.json(body), next)
    })
    expect((await fetch(url, { headers: { authorization: 'Bearer reader', traceparent: TRACE } })).status).toBe(200)
    expect([seen[0]!.authorization, seen[0]!.traceparent]).toEqual([undefined, undefined])
  })
})

test('events report what happens; a listener that throws or rejects breaks nothing', async () => {
  const registry = await testRegistry()
  const proxy = await startFaultProxy({ port: registry.server.port })
  onTestFinished(() => proxy.close())
  registry.configs.publish({ dataId: 'portal.yml', content: 'greeting: hello' })
  const settings = registry.settings({
    application: { name: 'portal' },
    'cloud.nacos.server-addr': `127.0.0.1:${proxy.port}`,
  })
  const app = express()
  const { sidecar, lines, url } = await join(app, settings)
  const seen: string[] = []
  const story = [
    'deregistered',
    'beatFailed',
    'beatRecovered',
    'registryLost',
    'registryFound',
    'configChanged',
  ] as const
  for (const event of [...story, 'instancesChanged', 'stopped'] as const) {
    sidecar.on(event, () => {
      throw new Error(`${event} listener`)
    })
    sidecar.on(event, () => Promise.reject(new Error(`${event} async`)))
    sidecar.on(event, () => void seen.push(event))
  }

  const changed = once(sidecar, 'configChanged')
  registry.configs.publish({ dataId: 'portal.yml', content: 'greeting: goodbye' })
  expect(await changed).toEqual([{ keys: ['greeting'] }])
  expect(sidecar.config.get('greeting')).toBe('goodbye')

  await sidecar.discovery.instances('user-service')
  const appeared = once(sidecar, 'instancesChanged')
  const stub = await registry.stub('user-service', answering({}))
  expect(await appeared).toMatchObject([{ service: { service: 'user-service' }, instances: [stub.instance] }])

  const lost = once(sidecar, 'registryLost')
  const failed = once(sidecar, 'beatFailed')
  await proxy.set('refuse')
  expect(await lost).toMatchObject([{ servers: [`127.0.0.1:${proxy.port}`] }])
  expect(await failed).toMatchObject([{ failures: 1, instance: { service: 'portal' } }])
  expect(sidecar.status()).toMatchObject({ registered: true, registry: { connected: false } })
  expect((await fetch(`${url}/actuator/health/readiness`)).status).toBe(200)
  expect(await sidecar.discovery.instances('user-service')).toHaveLength(1)

  const recovered = once(sidecar, 'beatRecovered')
  await proxy.set('pass')
  await recovered
  expect(sidecar.status()).toMatchObject({ phase: 'serving', registered: true, lastError: undefined })

  await sidecar.stop()
  expect(seen).toEqual(expect.arrayContaining([...story, 'instancesChanged', 'stopped']))
  expect(seen.slice(-2)).toEqual(['deregistered', 'stopped'])
  await vi.waitFor(() => {
    for (const event of story) {
      expect(lines).toContain(`error a listener of "${event}" threw: ${event} listener`)
      expect(lines).toContain(`error a listener of "${event}" threw: ${event} async`)
    }
  })
  expect(inspect(sidecar)).toMatch(/^Sidecar \{\s+phase: 'left'/)
})
