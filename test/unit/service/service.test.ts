import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import Koa from 'koa'
import { configLocal } from 'nacos-sidecar'
import { events } from 'nacos-sidecar/events'
import {
  currentService,
  currentSidecar,
  defineService,
  type Service,
  type ServiceDefinition,
} from 'nacos-sidecar/service'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { testRegistry } from '../../support/registry.js'

type Said = Omit<ServiceDefinition<never>, 'backend' | 'setup' | 'plugins'>

/** The same service on each backend: `GET /hello`. */
const BACKENDS = {
  express: (said: Said) =>
    defineService({
      ...said,
      backend: 'express',
      setup: (app) => void app.get('/hello', (_request, response) => void response.json({ hello: 'express' })),
    }),
  fastify: (said: Said) =>
    defineService({
      ...said,
      backend: 'fastify',
      setup: (app) => void app.get('/hello', async () => ({ hello: 'fastify' })),
    }),
  koa: (said: Said) =>
    defineService({
      ...said,
      backend: 'koa',
      setup: (app) =>
        void app.use((context, next) => {
          if (context.path !== '/hello') return next()
          context.body = { hello: 'koa' }
        }),
    }),
  http: (said: Said) =>
    defineService({
      ...said,
      backend: 'http',
      setup: (server) =>
        void server.on('request', (request, response) => {
          response.statusCode = request.url === '/hello' ? 200 : 404
          response.end(JSON.stringify(request.url === '/hello' ? { hello: 'http' } : null))
        }),
    }),
} as const

async function home(own: object = {}) {
  const registry = await testRegistry()
  const logger = collectLog()
  const settings = registry.settings({ 'sidecar.push': 'off', 'server.address': '127.0.0.1', 'server.port': 0, ...own })
  return { registry, logger, base: { configPath: false, settings, logger, signals: false } as const }
}

function stops<T extends Service>(service: T): T {
  onTestFinished(() => service.stop({ drain: false }))
  return service
}

const status = async (url: string, headers: Record<string, string> = {}) => (await fetch(url, { headers })).status

describe.each(Object.entries(BACKENDS))('backend %s', (name, define) => {
  test('run() serves, is registered with its version, and leaves', async () => {
    const { registry, base } = await home()
    const service = stops(define({ ...base, name: `orders-${name}`, version: '2.1.0' }))
    const { url, port, sidecar, stop } = await service.run()
    expect(await (await fetch(`${url}/hello`)).json()).toEqual({ hello: name })
    expect(await status(`${url}/other`)).toBe(404)
    expect(await status(`${url}/health`)).toBe(200)
    const instances = () =>
      registry.server.services().find(({ service }) => service === `orders-${name}`)?.instances ?? []
    expect(instances()).toMatchObject([{ ip: '127.0.0.1', port, metadata: { version: '2.1.0' } }])
    expect(sidecar.status().registered).toBe(true)
    await stop()
    expect(instances()).toEqual([])
    await expect(fetch(`${url}/hello`)).rejects.toThrow()
    // Its app is made anew.
    const again = await service.run()
    expect(await (await fetch(`${again.url}/hello`)).json()).toEqual({ hello: name })
    expect(again.app).not.toBe(undefined)
  })

  test('the guard stands before what setup adds', async () => {
    const { base } = await home({ 'auth.enabled': true })
    const { url } = await stops(define({ ...base, name: 'guarded', verify: (token) => token === 'good' })).run()
    expect(await status(`${url}/hello`)).toBe(401)
    expect(await status(`${url}/hello`, { authorization: 'Bearer good' })).toBe(200)
    expect(await status(`${url}/health`)).toBe(200)
  })

  test('application() is the same app without a server, and is registered once one serves it', async () => {
    const { registry, base } = await home()
    const service = stops(define({ ...base, name: 'apart' }))
    const app = await service.application()
    expect(await service.application()).toBe(app)
    expect(registry.server.services()).toEqual([])
    const registered = once(service.sidecar, 'registered')
    const server = serverOf(app)
    await registered
    const { port } = server.address() as AddressInfo
    expect(await status(`http://127.0.0.1:${port}/hello`)).toBe(200)
    server.closeIdleConnections()
  })

  test('a port that is taken is SIDECAR_LISTEN_FAILED, and all is stopped', async () => {
    const { registry, base } = await home()
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const service = stops(define({ ...base, name: 'late' }))
    await expect(service.run({ port })).rejects.toMatchObject({
      code: 'SIDECAR_LISTEN_FAILED',
      message: `cannot listen on server.port ${port}, server.address 127.0.0.1: the port is in use. Set others, or port 0 for any free one`,
    })
    expect(registry.server.services()).toEqual([])
    expect(() => currentService()).toThrow(expect.objectContaining({ code: 'SIDECAR_SERVICE_NONE' }))
  })
})

function serverOf(app: unknown) {
  if (app instanceof Koa) return createServer(app.callback()).listen(0, '127.0.0.1')
  if (typeof app === 'function') return createServer(app as express.Express).listen(0, '127.0.0.1')
  if (!('inject' in (app as object))) return (app as ReturnType<typeof createServer>).listen(0, '127.0.0.1')
  void (app as FastifyInstance).listen({ port: 0, host: '127.0.0.1' })
  return (app as FastifyInstance).server
}

describe('what serves', () => {
  test('an app of Fastify is injected without a server', async () => {
    const { base } = await home()
    const app = await stops(BACKENDS.fastify({ ...base, name: 'injected' })).application()
    expect((await app.inject('/hello')).json()).toEqual({ hello: 'fastify' })
  })

  test('what makes an app: a function, an async one, a class', async () => {
    const { base } = await home()
    const ready = (app: { readonly listen: unknown }) => expect(app.listen).toBeTypeOf('function')
    for (const service of [
      defineService({ ...base, name: 'a', backend: () => fastify({ logger: false }), setup: ready }),
      defineService({ ...base, name: 'b', backend: async () => express(), setup: ready }),
      defineService({ ...base, name: 'c', backend: express, setup: ready }),
      defineService({ ...base, name: 'd', backend: Koa, setup: ready }),
      defineService({ ...base, name: 'e', backend: createServer, setup: ready }),
    ]) {
      const { stop } = await service.run()
      await stop()
    }
  })

  test('an app that is there already can be set up once', async () => {
    const { base } = await home()
    const app = express()
    const service = stops(
      defineService({ ...base, name: 'own', backend: app, setup: (own) => void own.get('/a', (_, r) => void r.end()) }),
    )
    const { url, app: same, stop } = await service.run()
    expect(same).toBe(app)
    expect(await status(`${url}/a`)).toBe(200)
    await stop()
    await expect(service.run()).rejects.toMatchObject({ code: 'SIDECAR_SERVICE_INVALID' })
  })

  test('what is no backend says so', async () => {
    const { base } = await home()
    const run = (backend: unknown) => defineService({ ...base, name: 'x', backend: backend as 'http' }).run()
    await expect(run('hapi')).rejects.toMatchObject({
      code: 'SIDECAR_SERVICE_INVALID',
      message: expect.stringContaining('express, fastify, koa, http') as string,
    })
    await expect(run(7)).rejects.toMatchObject({ code: 'SIDECAR_SERVICE_INVALID' })
    await expect(run(() => ({ listen() {} }))).rejects.toMatchObject({ code: 'SIDECAR_APP_UNSUPPORTED' })
    expect(() => defineService({ plugins: [7 as never] })).toThrow('plugins is a list of functions')
    expect(() => defineService({ setup: 7 as never })).toThrow('setup is a function')
    expect(() => defineService({ name: 7 as never })).toThrow('name is text')
    for (const wrong of [undefined, null, 'orders', []])
      expect(() => defineService(wrong as never)).toThrow('defineService: expected an object')
    expect(() => defineService({ setupTimeout: 'soon' })).toThrow('setupTimeout: expected a duration above 0')
    await expect(run(null)).rejects.toMatchObject({ code: 'SIDECAR_SERVICE_INVALID' })
    await expect(run(() => undefined)).rejects.toMatchObject({ code: 'SIDECAR_APP_UNSUPPORTED' })
  })

  test('a function that makes no app, or none in time, ends the start', async () => {
    const { base } = await home()
    const run = (backend: () => unknown) =>
      defineService({ ...base, name: 'none', backend, setupTimeout: 50 }).run({ port: 0 })
    const failed = (text: string) => ({
      code: 'SIDECAR_START_FAILED',
      message: `the function of backend made no app: ${text}`,
    })
    await expect(run(() => Promise.reject(new Error('no certificate')))).rejects.toMatchObject(failed('no certificate'))
    await expect(run(() => new Promise(() => {}))).rejects.toMatchObject(failed('not done within 50 ms'))
  })

  test('wrong options of run() and application() are refused before anything is opened', async () => {
    const { base } = await home()
    const service = stops(defineService({ ...base, name: 'refused' }))
    const invalid = (text: string) => ({
      code: 'SIDECAR_SERVICE_INVALID',
      message: expect.stringContaining(text) as string,
    })
    for (const port of ['abc', -1, 65_536, 1.5, NaN])
      await expect(service.run({ port: port as number })).rejects.toMatchObject(invalid('port: expected an integer'))
    await expect(service.run({ host: 7 as never })).rejects.toMatchObject(invalid('host is text'))
    await expect(service.run(null as never)).rejects.toMatchObject(invalid('are an object'))
    await expect(service.application(7 as never)).rejects.toMatchObject(invalid('are an object'))
    await service.application()
    await expect(service.run({ port: 65_536 })).rejects.toMatchObject(invalid('port: expected an integer'))
  })

  test('an app that is there already can be tried again after settings that were refused', async () => {
    const { base } = await home()
    const service = stops(defineService({ ...base, name: 'again', backend: express() }))
    await expect(service.run({ settings: { 'sidecar.drain': 'soon' } })).rejects.toMatchObject({
      code: 'SIDECAR_SETTINGS_INVALID',
    })
    await service.run()
  })
})

describe('plugins and setup', () => {
  test('run in order once the configuration is loaded, each plugin once; parts names them', async () => {
    const { registry, base } = await home({ 'cloud.nacos.config.shared-configs': ['shop.yml'] })
    registry.configs.publish({ dataId: 'shop.yml', content: 'greeting: hello' })
    const order: string[] = []
    function metrics() {
      order.push('metrics')
    }
    const service = stops(
      defineService({
        ...base,
        name: 'shop',
        backend: 'fastify',
        plugins: [
          metrics,
          (sidecar, app) => void order.push(`${sidecar.config.get('greeting')} ${typeof app.get}`),
          metrics,
        ],
        onStart: () => void order.push('onStart'),
        async setup(_app, sidecar) {
          await Promise.resolve()
          sidecar.provide('db', { start: () => void order.push('db') })
          sidecar.timer('refresh', { every: '1h' }, () => void order.push('timer'), { eager: true })
          events(sidecar, { url: 'memory:parts' }).on('stock', 'reserved', () => {})
          order.push('setup')
        },
      }),
    )
    expect(() => service.parts).toThrow(expect.objectContaining({ code: 'SIDECAR_SERVICE_NONE' }))
    await service.run()
    expect(order).toEqual(['onStart', 'metrics', 'hello function', 'setup', 'db', 'timer'])
    expect(service.parts).toEqual({
      backend: 'fastify',
      plugins: ['metrics', 'plugin 2'],
      resources: ['db'],
      timers: ['refresh'],
      events: [{ event: 'stock reserved', handler: 'reserved', mode: 'pool' }],
      hooks: [
        { name: 'onStart', at: 'start' },
        { name: 'metrics', at: 'start' },
        { name: 'plugin 2', at: 'start' },
        { name: 'setup', at: 'start' },
        { name: 'close the app', at: 'stop' },
      ],
    })
  })

  test('one that fails ends the start: nothing listens, nothing is registered', async () => {
    const { registry, base } = await home()
    const service = stops(
      defineService({
        ...base,
        name: 'broken',
        // What follows it in the list must not hide the reason.
        plugins: [(sidecar) => void sidecar.provide('db', { start: () => 1 })],
        setup() {
          throw new Error('no database')
        },
      }),
    )
    await expect(service.run()).rejects.toMatchObject({
      code: 'SIDECAR_START_FAILED',
      message: 'start hook "setup" failed: no database. The start ends here',
    })
    expect(registry.server.services()).toEqual([])
    expect(() => service.sidecar).toThrow(expect.objectContaining({ code: 'SIDECAR_SERVICE_NONE' }))
  })

  test('setup waits for a plugin that provides a resource in its first moment', async () => {
    const { base } = await home()
    const order: string[] = []
    const service = stops(
      defineService({
        ...base,
        name: 'ordered',
        plugins: [
          async (sidecar) => {
            sidecar.provide('db', { start: () => void order.push('db') })
            await new Promise((resolve) => setTimeout(resolve, 5))
            order.push('plugin')
          },
        ],
        setup: () => void order.push('setup'),
      }),
    )
    await service.run()
    expect(order).toEqual(['plugin', 'setup', 'db'])
  })

  test('onClose of Fastify runs at a stop, after the stop hooks', async () => {
    const { base } = await home()
    const order: string[] = []
    const service = defineService({
      ...base,
      name: 'closing',
      backend: 'fastify',
      setup(app, sidecar) {
        app.addHook('onClose', async () => void order.push('onClose'))
        sidecar.onStop(() => void order.push('onStop'))
      },
    })
    await service.run()
    await service.stop()
    expect(order).toEqual(['onStop', 'onClose'])
  })
})

describe('the process', () => {
  test('currentService() and currentSidecar() are those of the service that runs', async () => {
    const { base } = await home()
    const service = stops(defineService({ ...base, name: 'portal', setup: () => void currentService().name }))
    expect(() => currentService()).toThrow(expect.objectContaining({ code: 'SIDECAR_SERVICE_NONE' }))
    expect(() => currentSidecar()).toThrow(expect.objectContaining({ code: 'SIDECAR_SERVICE_NONE' }))
    const { sidecar, port } = await service.run()
    expect(currentService()).toBe(service)
    expect(currentSidecar()).toBe(sidecar)
    expect(configLocal('application.name')).toBe('portal')
    expect(port).toBeGreaterThan(0)
    await expect(service.run()).rejects.toMatchObject({ code: 'SIDECAR_ALREADY_STARTED' })
    await expect(defineService({ ...base, name: 'second' }).run()).rejects.toMatchObject({
      code: 'SIDECAR_ALREADY_STARTED',
    })
    await service.stop()
    expect(() => currentSidecar()).toThrow('this process has no sidecar')
  })

  test('settings of run() are stronger than those of the service; after application() they come too late', async () => {
    const { base } = await home()
    const service = stops(
      defineService({ ...base, name: 'portal', settings: { ...base.settings, sidecar: { drain: 7 } } }),
    )
    await service.application({ settings: { 'sidecar.drain': '8s' } })
    expect(service.sidecar.settings.sidecar.drain).toBe(8_000)
    await expect(service.run({ settings: {} })).rejects.toMatchObject({ code: 'SIDECAR_SERVICE_INVALID' })
    const { port } = await service.run({ port: 0 })
    expect(port).toBeGreaterThan(0)
  })

  test('without an answer of the registry it serves, and run() settles', async () => {
    const { base } = await home({ 'cloud.nacos.server-addr': '127.0.0.1:1', 'cloud.nacos.config.enabled': false })
    const { url, sidecar } = await stops(BACKENDS.http({ ...base, name: 'alone' })).run()
    expect(await status(`${url}/hello`)).toBe(200)
    expect(sidecar.status()).toMatchObject({
      registered: false,
      lastError: expect.stringContaining('ECONNREFUSED') as string,
    })
  })

  test('with fail-fast it ends', async () => {
    const { registry, base } = await home()
    const service = stops(BACKENDS.http({ ...base, name: 'strict' }))
    await registry.stop()
    const settings = {
      'cloud.nacos.discovery.fail-fast': true,
      'cloud.nacos.config.enabled': false,
      'sidecar.register-retries': 0,
    }
    // Else the process would end as well.
    await expect(service.run({ settings, isolated: true })).rejects.toMatchObject({ code: 'SIDECAR_START_FAILED' })
  })

  test('registered as the settings say: not with register-enabled: false, later with register-on: manual', async () => {
    const { registry, base } = await home()
    const quiet = await BACKENDS.http({ ...base, name: 'quiet' }).run({
      settings: { 'cloud.nacos.discovery.register-enabled': false },
    })
    await quiet.stop()
    const { sidecar } = await stops(BACKENDS.http({ ...base, name: 'manual' })).run({
      settings: { 'sidecar.register-on': 'manual' },
    })
    expect(registry.server.services()).toEqual([])
    const registered = once(sidecar, 'registered')
    sidecar.register()
    await registered
  })
})

describe('name, version, description', () => {
  test('are in the metadata and in /actuator/info; the settings and info.app go before them', async () => {
    const { base } = await home({ 'management.endpoints.web.exposure.include': 'info' })
    const about = { name: 'orders', version: '2.1.0', description: 'Takes orders' }
    const info = async (own: object) => {
      const { url, sidecar, stop } = await BACKENDS.http({ ...base, ...about }).run({ settings: own })
      const { app } = (await (await fetch(`${url}/actuator/info`)).json()) as { app: unknown }
      const { version } = sidecar.status().instance!.metadata
      await stop()
      return { app, version }
    }
    expect(await info({})).toEqual({ app: about, version: '2.1.0' })
    const written = { 'cloud.nacos.discovery.metadata.version': 'canary', 'info.app.version': 'written' }
    expect(await info(written)).toEqual({ app: { ...about, version: 'written' }, version: 'canary' })
  })

  test('default to those of package.json', async () => {
    const { base } = await home()
    const service = stops(defineService(base))
    expect(service.version).toMatch(/^\d+\.\d+\.\d+/)
    const { sidecar } = await service.run()
    expect(service.name).toBe('nacos-sidecar')
    expect(sidecar.status().instance?.metadata['version']).toBe(service.version)
  })
})

describe('production', () => {
  const failing = (said: Said) =>
    defineService({
      ...said,
      name: 'prod',
      backend: 'express',
      setup(app) {
        app.get('/fails', () => {
          throw new Error('secret detail')
        })
      },
    })

  test.each([
    ['the option', { production: true }, {}],
    ['the setting', {}, { 'sidecar.production': true }],
    ['a profile', {}, { 'spring.profiles.active': 'production' }],
  ])('by %s: no stack trace, no /_sidecar', async (_what, said, settings) => {
    const { base } = await home()
    // Where it does not believe itself to be under test, Express prints the error.
    vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    const { url, sidecar } = await stops(failing({ ...base, ...said })).run({ settings })
    expect(sidecar.production).toBe(true)
    expect(await (await fetch(`${url}/fails`)).text()).not.toContain('secret detail')
    expect(await status(`${url}/_sidecar`)).toBe(404)
  })

  test('else stack trace and page are there; the option is stronger than a profile', async () => {
    const { base } = await home()
    const { url, sidecar } = await stops(failing({ ...base, production: false })).run({
      settings: { 'spring.profiles.active': 'prod' },
    })
    expect(sidecar.production).toBe(false)
    expect(await status(`${url}/_sidecar`)).toBe(200)
  })
})
