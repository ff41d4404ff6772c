import express, { type Express, type RequestHandler } from 'express'
import Koa from 'koa'
import { once } from 'node:events'
import { createServer, get, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createSidecar } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createAuthority } from '../../support/certificates.js'
import { collectLog } from '../../support/collect.js'
import { ownPort } from '../../support/own-port.js'
import { testRegistry } from '../../support/registry.js'

/** A sidecar for this app, and the ports it registers, one after the other. */
async function sidecarOf(app: unknown, settings: object = {}) {
  const registry = await testRegistry()
  const logger = collectLog()
  const sidecar = createSidecar({
    app,
    configPath: false,
    signals: false,
    logger,
    settings: registry.settings({ 'application.name': 'orders', ...settings }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const ports: number[] = []
  sidecar.on('registered', ({ instance }) => ports.push(instance.port))
  const registered = (port: number) => vi.waitFor(() => expect(ports).toContain(port), 10_000)
  return { sidecar, ports, registered, lines: logger.lines }
}

async function listen<T extends Server>(server: T, port = 0): Promise<T> {
  onTestFinished(() => {
    server.closeAllConnections?.()
    server.close()
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return server
}
const portOf = (server: Server) => (server.address() as AddressInfo).port

async function statusOf(server: Server, path = '/', host = 'localhost'): Promise<number | undefined> {
  const [response] = (await once(get({ port: portOf(server), path, headers: { host } }), 'response')) as [
    { statusCode?: number; resume(): void },
  ]
  response.resume()
  return response.statusCode
}

function koaApp(answer: string): Koa {
  const app = new Koa()
  app.use((context) => void (context.body = answer))
  return app
}

function expressApp(): Express {
  const app = express()
  app.get('/', (_request, response) => void response.send('app'))
  return app
}

describe('K27: the app’s own server is found by what it serves', () => {
  it.each(['at once', 'two seconds later'])('K27: another Koa app listens first, the app %s', async (when) => {
    const [app, admin] = [koaApp('app'), koaApp('admin')]
    const { registered, ports } = await sidecarOf(app)
    await listen(createServer(admin.callback()))
    if (when !== 'at once') await new Promise((resolve) => setTimeout(resolve, 2_000))
    const own = await listen(createServer(app.callback()))
    await registered(portOf(own))
    expect(ports).toEqual([portOf(own)])
  })

  it('K27: a callback of the app that was made before the sidecar, whatever it is called', async () => {
    const app = koaApp('app')
    const callback = app.callback()
    const { registered, ports } = await sidecarOf(app)
    await listen(createServer(koaApp('admin').callback()))
    const own = await listen(createServer((request, response) => void callback(request, response)))
    await registered(portOf(own))
    expect(ports).toEqual([portOf(own)])
  })

  it('K27: of several servers of the app, server.port decides', async () => {
    const app = koaApp('app')
    const port = await ownPort()
    const { registered, ports } = await sidecarOf(app, { 'server.port': port })
    await listen(createServer(app.callback()))
    await listen(createServer(app.callback()), port)
    await registered(port)
    expect(ports).toEqual([port])
  })

  it('K27: a metrics server alone is neither registered nor asked for what the app serves once that listens', async () => {
    const asked: string[] = []
    const app = koaApp('app')
    const { registered, ports } = await sidecarOf(app)
    await listen(createServer((request, response) => (asked.push(request.url!), response.end())))
    const own = await listen(createServer(app.callback()))
    await registered(portOf(own))
    expect(ports).toEqual([portOf(own)])
    expect(asked).toEqual([])
  })
})

/** As socket.io, terminus and others do: the listeners of the server are called by their own. */
function takeOver(server: Server, path: string): Server {
  const listeners = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    if (request.url!.startsWith(path)) return void response.end('beside the app')
    for (const listener of listeners) listener.call(server, request, response)
  })
  return server
}

/** As npm `vhost` does. */
const vhost =
  (name: string, app: Express): RequestHandler =>
  (request, response, next) =>
    request.hostname === name ? app(request, response, next) : next()

describe('K28: an app that its server hides is found', () => {
  it.each<[string, (app: Express) => Server | Promise<Server>]>([
    ['socket.io', (app) => takeOver(createServer(app), '/socket.io/')],
    ['terminus', (app) => takeOver(createServer(app), '/healthz')],
    ['a function of one’s own', (app) => createServer((request, response) => void app(request, response))],
    ['vhost', (app) => createServer(express().use(vhost('localhost', app)))],
    [
      'a function over TLS',
      async (app) =>
        createHttpsServer(await (await createAuthority()).issue(), (request, response) => void app(request, response)),
    ],
  ])('K28: %s', async (_, serve) => {
    const app = expressApp()
    let handled = 0
    app.use((_request, _response, next) => (handled++, next()))
    const { registered, sidecar } = await sidecarOf(app)
    const server = await listen((await serve(app)) as Server)
    await registered(portOf(server))
    expect(sidecar.status()).toMatchObject({ phase: 'serving', registered: true })
    // It was asked for, and nothing of the app ran.
    expect(handled).toBe(0)
  })

  it('K28: where it cannot be asked for, a warning names what to do, and the first request finds it', async () => {
    const app = expressApp()
    const { registered, sidecar, lines } = await sidecarOf(app)
    const server = await listen(
      createServer((request, response) => {
        if (request.headers.host === 'shop.example') return void app(request, response)
        response.writeHead(404).end()
      }),
    )
    await vi.waitFor(() => expect(lines.join('\n')).toMatch(/warn .*sidecar\.listening\(server\).*sidecar\.guard\(\)/))
    expect(sidecar.status().phase).toBe('starting')
    expect(await statusOf(server, '/', 'shop.example')).toBe(200)
    await registered(portOf(server))
    expect(lines.filter((line) => line.includes('sidecar.listening'))).toHaveLength(1)
  })
})

it('K38: a server of HTTP/2 alone is registered with a warning', async () => {
  const { sidecar, lines } = await sidecarOf(undefined)
  const server = createHttp2Server() as unknown as Server
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  await once(sidecar, 'registered')
  expect(lines.filter((line) => /^warn .*port \d+ .*HTTP\/2/.test(line))).toHaveLength(1)
})

it('K38: no warning where HTTP/1.1 is allowed beside it', async () => {
  const { createSecureServer } = await import('node:http2')
  const { sidecar, lines } = await sidecarOf(undefined)
  const options = { ...(await (await createAuthority()).issue()), allowHTTP1: true }
  const server = createSecureServer(options) as unknown as Server
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  await once(sidecar, 'registered')
  expect(lines.join('\n')).not.toContain('HTTP/2')
})
