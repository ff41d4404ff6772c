import Koa from 'koa'
import { getEventListeners, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { createSidecar, type LogFields, type SidecarOptions } from 'nacos-sidecar'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { frameworks, serve, target, unansweredRoute, type Running } from '../../support/frameworks.js'
import { observer } from '../../support/member.js'
import { createMemoryTransport } from '../../support/memory-transport.js'
import { testRegistry } from '../../support/registry.js'
import { tempFolder } from '../../support/temp-folder.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const TRACED = `traceparent: 00-${TRACE}-b7ad6b7169203331-01\r\n`
const ON = { 'sidecar.observe.access-log': true }

/** A sidecar in front of `app`, with the lines of its access log and their fields. */
async function logged(app: unknown, settings: object = ON, options: Partial<SidecarOptions> = {}) {
  const lines: [string, LogFields | undefined][] = []
  const ignore = () => {}
  const info = (line: string, fields?: LogFields) => void (/^[A-Z]+ \//.test(line) && lines.push([line, fields]))
  const sidecar = createSidecar({
    configPath: false,
    ...{ app, signals: false, transport: createMemoryTransport() },
    ...{ logger: { debug: ignore, info, warn: ignore, error: ignore } },
    settings: {
      'application.name': 'portal',
      'cloud.nacos.config.enabled': false,
      'cloud.nacos.discovery.register-enabled': false,
      ...settings,
    },
    ...options,
  } as SidecarOptions)
  onTestFinished(() => sidecar.stop({ drain: false }))
  await sidecar.ready
  const fields = () => lines.map(([, own]) => own)
  /** The response ends for its server a moment after it has ended for the caller. */
  const written = async (count: number) => {
    await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(count))
    return fields()
  }
  return { sidecar, lines, fields, written }
}

const running = (app: Running) => {
  onTestFinished(() => app.close())
  return app
}

describe.each(frameworks)('$name', ({ create }) => {
  test('a line a request: method, path without its query, route, status, length, caller, trace; no health page', async () => {
    const { app, route, listen } = create()
    const { lines, written } = await logged(app)
    route('GET', '/users/:id', () => ({ name: 'Ada' }))
    const { port } = running(await listen())
    await target(port, '/health')
    await target(port, '/actuator/health/readiness')
    await target(port, '/users/7?token=canary', { headers: TRACED })
    await target(port, '/nowhere')
    const ms = expect.any(Number) as number
    const [user, nowhere] = await written(2)
    const common = { ms, client: '127.0.0.1', aborted: false }
    const known = { method: 'GET', path: '/users/7', route: '/users/:id', status: 200, bytes: 14, traceId: TRACE }
    expect(user).toEqual({ ...common, ...known })
    expect(nowhere).toMatchObject({ ...common, path: '/nowhere', status: 404 })
    expect(nowhere).not.toHaveProperty('route')
    expect(nowhere).not.toHaveProperty('traceId')
    expect(lines).toHaveLength(2)
    expect(lines[0]![0]).toMatch(/^GET \/users\/7 200 \d+\.\dms 14B 127\.0\.0\.1 route=\/users\/:id$/)
    expect(JSON.stringify(lines)).not.toContain('canary')
  })

  test('what the guard refuses has a line, and what fails has one', async () => {
    const { app, route, listen } = create()
    const guard = { 'auth.enabled': true, 'auth.exclude-paths': '/open' }
    const { written } = await logged(app, { ...ON, ...guard }, { verify: () => 401 })
    route('GET', '/open', () => {
      throw new Error('broken')
    })
    const { port } = running(await listen())
    await target(port, '/closed', { headers: 'Authorization: Bearer canary\r\n' })
    await target(port, '/open')
    const both = await written(2)
    expect(both).toMatchObject([
      { path: '/closed', status: 401, client: '127.0.0.1' },
      { path: '/open', status: 500 },
    ])
    expect(JSON.stringify(both)).not.toContain('canary')
  })

  test('a caller that goes away: the line says so', async () => {
    const { app, route, listen } = create()
    const { lines, written } = await logged(app)
    const goAway = unansweredRoute({ route }, '/slow')
    await goAway(running(await listen()).port)
    const [slow] = await written(1)
    expect(slow).toMatchObject({ path: '/slow', aborted: true, client: '127.0.0.1' })
    expect(slow).not.toHaveProperty('status')
    expect(lines[0]![0]).toMatch(/^GET \/slow - \S+ - 127\.0\.0\.1.* aborted$/)
  })

  test('off: no line and no event; the event alone needs no access log', async () => {
    const { app, route, listen } = create()
    const { sidecar, lines } = await logged(app, {})
    route('GET', '/a', () => ({}))
    const { port } = running(await listen())
    await target(port, '/a')
    const heard = once(sidecar, 'request')
    expect(getEventListeners(sidecar, 'request')).toHaveLength(1)
    await target(port, '/a?secret=1', { headers: TRACED })
    expect(await heard).toMatchObject([{ method: 'GET', path: '/a', route: '/a', status: 200, traceId: TRACE }])
    expect(lines).toEqual([])
  })
})

/** What `create` makes trusts its proxies. */
const trusting = [
  ['express', () => express().set('trust proxy', true)],
  ['koa', () => new Koa({ proxy: true })],
  ['fastify', () => fastify({ trustProxy: true })],
] as const

test.each(trusting)(
  '%s: behind a trusted proxy the caller is the one it names, and never a forged text',
  async (_, create) => {
    const app = create()
    const { written } = await logged(app, { ...ON, 'auth.enabled': true }, { verify: () => false })
    let port: number
    if ('inject' in app) {
      await app.listen({ port: 0, host: '127.0.0.1' })
      ;({ port } = running(await serve(app.server, () => app.close())))
    } else ({ port } = running(await serve(createServer('callback' in app ? app.callback() : app))))
    await target(port, '/a', { headers: 'X-Forwarded-For: 203.0.113.9\r\n' })
    await target(port, '/a', { headers: 'X-Forwarded-For: x 200 forged\r\n' })
    expect(await written(2)).toMatchObject([{ client: '203.0.113.9' }, { client: '127.0.0.1' }])
  },
)

test.each(frameworks)('$name: without its trust the connection counts', async ({ create }) => {
  const { app, listen } = create()
  const { written } = await logged(app)
  const { port } = running(await listen())
  await target(port, '/a', { headers: 'X-Forwarded-For: 203.0.113.9\r\n' })
  expect(await written(1)).toMatchObject([{ client: '127.0.0.1' }])
})

test.each([
  ['with', { 'auth.enabled': true, 'auth.exclude-paths': '/open/**' }],
  ['without', {}],
])('plain node:http %s the guard: a line a request of its own server, and figures', async (_, guard) => {
  const { sidecar, written } = await logged(undefined, { ...ON, ...guard, 'server.port': 0 }, { verify: () => true })
  const app = running(await serve(createServer((_request, response) => void response.end('{}'))))
  await vi.waitFor(async () => {
    await target(app.port, '/open/7?token=canary', { headers: TRACED })
    expect(await written(1)).toMatchObject([{ path: '/open/7', status: 200, traceId: TRACE, client: '127.0.0.1' }])
  })
  expect(sidecar.stats().operations.map(({ name }) => name)).toContain('GET *')
})

test('one boolean of Nacos switches it, live', async () => {
  const registry = await testRegistry()
  registry.configs.publish({ dataId: 'a.yml', content: 'a: 1' })
  const file = join(tempFolder(), 'sidecar.log')
  const app = new Koa()
  const log = { 'sidecar.log-file': file, 'logging.format': 'json', 'logging.level.nacos-sidecar': 'warn' }
  const sidecar = await observer(registry.settings({ 'config.import': 'nacos:a.yml', ...log }), { app } as object)
  app.use((context) => void (context.body = 'ok'))
  const { port } = running(await serve(createServer(app.callback())))
  const change = async (content: string) => {
    const changed = once(sidecar, 'configChanged')
    registry.configs.publish({ dataId: 'a.yml', content })
    await changed
  }
  await target(port, '/before')
  await change('sidecar.observe: { access-log: true, access-log-excludes: [/quiet*] }')
  await target(port, '/quiet/1')
  await target(port, '/loud', { headers: TRACED })
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toContain('/loud'))
  await change('sidecar.observe: { access-log: false }')
  await target(port, '/after')
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ level: 'info', path: '/loud', status: 200, bytes: 2, traceId: TRACE }),
  ])
  expect(sidecar.recentLog().some(({ message }) => message.includes('/loud'))).toBe(false)
})

test('a channel of diagnostics has each request; hostile methods and targets forge no word and show no password', async () => {
  const app = new Koa()
  const { lines, written } = await logged(app)
  app.use((context) => void (context.body = 'ok'))
  const seen: unknown[] = []
  const keep = (message: unknown) => void seen.push(message)
  subscribe('nacos-sidecar:observe:request', keep)
  onTestFinished(() => void unsubscribe('nacos-sidecar:observe:request', keep))
  const server = createHttp2(app.callback())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => void (session.destroy(), server.close()))
  const stream = session.request({ ':method': 'FORGED', ':path': '/a?canary' })
  stream.resume()
  await once(stream.end(), 'close')
  const { port } = running(await serve(createServer(app.callback())))
  await target(port, 'http://me:canary@host/b?c')
  await written(2)
  expect(lines[0]![1]).toMatchObject({ method: 'OTHER', path: '/a', status: 200, client: '127.0.0.1' })
  expect(lines[1]![1]).toMatchObject({ method: 'GET', path: '/b' })
  expect(seen).toMatchObject([{ method: 'OTHER' }, { method: 'GET' }])
  expect(JSON.stringify([lines, seen])).not.toContain('canary')
})
