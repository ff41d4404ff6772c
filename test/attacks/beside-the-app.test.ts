import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { connect, createServer as createNetServer, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import { createSidecar, currentContext, type Verify } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished } from 'vitest'
import { collectLog } from '../support/collect.js'
import { devRegistry } from '../support/registry.js'
import { fastify4, frameworks, serve, target } from '../support/frameworks.js'

const TOKEN = { authorization: 'Bearer good' }

function guarded(
  app?: unknown,
  auth: Record<string, unknown> = {},
  settings: Record<string, unknown> = {},
  verify?: Verify,
) {
  const logger = collectLog()
  const asked: string[] = []
  const sidecar = createSidecar({
    ...(app !== undefined && { app }),
    configPath: false,
    signals: false,
    verify: (token, request) => {
      const { method, url } = request
      asked.push(`${method} ${url}`)
      return verify?.(token, request) ?? (token === 'good' || 401)
    },
    logger,
    settings: {
      auth: { enabled: true, 'exclude-paths': '/open', ...auth },
      'cloud.nacos.discovery.enabled': false,
      'cloud.nacos.config.enabled': false,
      ...settings,
    },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return Object.assign(sidecar, { lines: logger.lines, asked })
}

async function listen(server: Server): Promise<string> {
  const running = await serve(server)
  onTestFinished(() => running.close())
  return running.url
}

const status = async (url: string, headers = {}) => (await fetch(url, { headers })).status

/** As `new WebSocketServer({ server })` does: takes every upgrade. */
function takeUpgrades(server: Server): void {
  server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nopen')
  })
}

async function upgrade(url: string, path = '/ws', headers = ''): Promise<number> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return Number(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString())![1])
}

describe('attack: a server without an app', () => {
  const handler = (_request: IncomingMessage, response: ServerResponse) => void response.end(currentContext()?.token)

  it('G2: the guard stands in front of the server that is found, from its first request on', async () => {
    const sidecar = guarded()
    const server = createServer(handler)
    takeUpgrades(server)
    const url = await listen(server)
    expect(await status(`${url}/admin`)).toBe(401)
    expect(await status(`${url}/open`)).toBe(200)
    const answer = await fetch(`${url}/admin`, { headers: TOKEN })
    expect([answer.status, await answer.text()]).toEqual([200, 'good'])
    expect(await upgrade(url)).toBe(401)
    expect(await upgrade(url, '/ws', 'Authorization: Bearer good\r\n')).toBe(101)
    expect(sidecar.lines).toContainEqual(expect.stringContaining('with auth.mount: manual the app calls sidecar.check'))
  })

  it('G2: one that listened before is guarded at once, and so is one on another port until the right one comes', async () => {
    const early = createServer(handler)
    const url = await listen(early)
    guarded(undefined, {}, { 'server.port': 1 })
    expect(await status(url)).toBe(401)
    expect(await status(await listen(createServer(handler)))).toBe(401)
  })

  it('G2: other servers are their own business once the right one is there, but not its handler on another port', async () => {
    const sidecar = guarded()
    const app = createServer(handler)
    const other = createServer((_request, response) => void response.end('metrics'))
    const twin = createServer(handler)
    const url = await listen(app)
    while (!sidecar.lines.some((line) => line.includes('checks every request'))) await new Promise(setImmediate)
    expect(await status(await listen(other))).toBe(200)
    expect(await status(await listen(twin))).toBe(401)
    expect(await status(url)).toBe(401)
  })

  it('G2: auth.mount: manual leaves it to sidecar.check, which works beside the guard as well', async () => {
    for (const mount of ['manual', 'first']) {
      const sidecar = guarded(undefined, { mount })
      const url = await listen(
        createServer(async (request, response) => {
          const decision = request.url === '/free' ? { allowed: true as const } : await sidecar.check(request)
          response.writeHead(decision.allowed ? 200 : 418).end()
        }),
      )
      expect(await status(url)).toBe(mount === 'manual' ? 418 : 401)
      expect(await status(url, TOKEN)).toBe(200)
      expect(await status(`${url}/free`)).toBe(mount === 'manual' ? 200 : 401)
      await sidecar.stop({ drain: false })
    }
  })

  it('G2: requests that expect 100-continue, and bare streams of HTTP/2, pass it as well', async () => {
    guarded()
    const server = createServer(handler)
    server.on('checkContinue', (_request, response: ServerResponse) => void response.end('continued'))
    const url = await listen(server)
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n')
    expect(String(((await once(socket, 'data')) as [Buffer])[0])).toMatch(/^HTTP\/1\.1 401/)

    guarded()
    const streams = createHttp2Server()
    streams.on('stream', (stream) => {
      stream.respond({ ':status': 200 })
      stream.end()
    })
    streams.listen(0, '127.0.0.1')
    await once(streams, 'listening')
    const session = connectHttp2(`http://127.0.0.1:${(streams.address() as AddressInfo).port}`)
    onTestFinished(() => {
      session.destroy()
      streams.close()
    })
    const ask = async (headers: Record<string, string>) =>
      ((await once(session.request({ ':path': '/x', ...headers }), 'response')) as [Record<string, unknown>])[0][
        ':status'
      ]
    expect(await ask({})).toBe(401)
    expect(await ask(TOKEN)).toBe(200)
  })

  it('G2: a refused HEAD, and streams that are reset while their token is checked, end no process', async () => {
    const judged: (() => void)[] = []
    const sidecar = guarded(undefined, {}, {}, () => new Promise((resolve) => judged.push(() => resolve(401))))
    const streams = createHttp2Server()
    let handled = 0
    streams.on('stream', () => handled++)
    streams.listen(0, '127.0.0.1')
    await once(streams, 'listening')
    const session = connectHttp2(`http://127.0.0.1:${(streams.address() as AddressInfo).port}`)
    onTestFinished(() => {
      session.destroy()
      streams.close()
    })
    const head = session.request({ ':method': 'HEAD', ':path': '/x' })
    expect((await once(head, 'response'))[0]).toMatchObject({ ':status': 401 })
    await once(head.resume(), 'close')
    for (const code of [1, 2, 8, 11]) {
      const stream = session.request({ ':path': `/${code}`, ...TOKEN })
      stream.on('error', () => {})
      while (judged.length === 0) await new Promise(setImmediate)
      const gone = once(stream, 'close').catch(() => {})
      stream.close(code)
      await gone
      judged.pop()!()
    }
    // Vitest fails on what nothing has caught.
    const last = session.request({ ':path': '/y' })
    expect((await once(last, 'response'))[0]).toMatchObject({ ':status': 401 })
    expect(handled).toBe(0)
    expect(sidecar.lines).not.toContainEqual(expect.stringMatching(/^error /))
  })

  it('G2: a server that is only handed its connections is guarded, and one of the package itself is not', async () => {
    guarded()
    const inner = createServer(handler)
    const outer = createNetServer((socket) => void inner.emit('connection', socket))
    outer.listen(0, '127.0.0.1')
    await once(outer, 'listening')
    onTestFinished(() => void outer.close())
    const url = `http://127.0.0.1:${(outer.address() as AddressInfo).port}`
    expect(await status(`${url}/admin`, { connection: 'close' })).toBe(401)
    expect(await status(`${url}/admin`, { connection: 'close', ...TOKEN })).toBe(200)
    const registry = await devRegistry()
    expect(await status(`${registry.url}/nacos/v1/ns/service/list?pageNo=1&pageSize=1`)).toBe(200)
  })

  it('G2: what cannot be guarded is an error', () => {
    const sidecar = guarded()
    const server = createNetServer()
    expect(() => sidecar.listening(server as never)).toThrow(expect.objectContaining({ code: 'SIDECAR_AUTH_SETTINGS' }))
  })
})

describe.each(frameworks)('attack: what answers beside the app: $name', ({ create }) => {
  async function app(auth: Record<string, unknown> = {}) {
    const made = create()
    made.route('GET', '/app', () => 'app')
    const sidecar = guarded(made.app, auth)
    const running = await made.listen()
    onTestFinished(() => running.close())
    return { sidecar, ...running }
  }

  it('G2, K16: an upgrade beside the app needs a token, and one warning says so', async () => {
    const { server, url, sidecar } = await app()
    takeUpgrades(server)
    expect(await upgrade(url)).toBe(401)
    expect(await upgrade(url)).toBe(401)
    expect(await upgrade(url, '/open')).toBe(101)
    expect(await upgrade(url, '/ws', 'Authorization: Bearer good\r\n')).toBe(101)
    expect(sidecar.lines.filter((line) => line.includes('sidecar.guardUpgrade'))).toHaveLength(1)
    expect(await status(`${url}/app`, TOKEN)).toBe(200)
  })

  it('G2, K16: auth.mount: manual leaves upgrades to the app', async () => {
    const { server, url } = await app({ mount: 'manual' })
    takeUpgrades(server)
    expect(await upgrade(url)).toBe(101)
  })

  it('G2, K16, K28: what a WebSocket library answers before the app needs a token; the app is asked once', async () => {
    const { server, url, sidecar } = await app({ 'cache-ttl': 0 })
    // As engine.io attaches itself.
    const before = server.listeners('request') as ((...args: unknown[]) => void)[]
    server.removeAllListeners('request')
    server.on('request', (request, response) => {
      if (request.url!.startsWith('/socket.io/')) return void response.end('polling')
      for (const listener of before) listener.call(server, request, response)
    })
    takeUpgrades(server)
    expect(await status(`${url}/app`, TOKEN)).toBe(200)
    expect(await status(`${url}/socket.io/?EIO=4`)).toBe(401)
    expect(await status(`${url}/socket.io/?EIO=4`, TOKEN)).toBe(200)
    expect(await status(`${url}/app`)).toBe(401)
    expect(await status(`${url}/app`, TOKEN)).toBe(200)
    expect(sidecar.asked).toEqual(['GET /app', 'GET /socket.io/', 'GET /app'])
  })

  it('G2, K28: what another listener answers before the app is warned of once', async () => {
    const { server, url, sidecar } = await app()
    const before = server.listeners('request') as ((...args: unknown[]) => void)[]
    server.removeAllListeners('request')
    server.on('request', (request, response) => {
      if (request.url === '/healthz') return void response.end('ok')
      for (const listener of before) listener.call(server, request, response)
    })
    expect(await status(`${url}/app`, TOKEN)).toBe(200)
    const warned = () => sidecar.lines.filter((line) => line.includes('without the guard'))
    expect(warned()).toEqual([])
    expect([await status(`${url}/healthz`), await status(`${url}/healthz`)]).toEqual([200, 200])
    expect(warned()).toEqual([expect.stringContaining('GET "/healthz"')])
  })
})

it.each([
  ['fastify 5', fastify],
  ['fastify 4', fastify4],
])('G8: a handler of frameworkErrors needs a token as well: %s', async (_name, factory) => {
  const app = factory({
    frameworkErrors: (_error, _request, reply) => void (reply as { send(body: string): unknown }).send('ran'),
  })
  const sidecar = guarded(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => app.close())
  while (sidecar.status().phase !== 'serving') await new Promise(setImmediate)
  const { port } = app.server.address() as AddressInfo
  expect((await target(port, '/%zz')).status).toBe(401)
  expect((await target(port, '/%zz', { headers: 'Authorization: Bearer good\r\n' })).status).not.toBe(401)
})

it('G2, K28: an app behind a function of its own is guarded as ever', async () => {
  const app = express()
  app.get('/app', (_request, response) => void response.send('app'))
  const sidecar = guarded(app)
  const server = createServer((request, response) => void app(request, response))
  const url = await listen(server)
  sidecar.listening(server)
  expect([await status(`${url}/app`), await status(`${url}/app`, TOKEN)]).toEqual([401, 200])
  expect(sidecar.lines.filter((line) => line.includes('beside'))).toEqual([])
})
