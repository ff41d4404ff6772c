import express from 'express'
import fastify from 'fastify'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSidecar, type Sidecar } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { testRegistry } from '../../support/registry.js'

type Registry = Awaited<ReturnType<typeof testRegistry>>

function sidecarOf(app: unknown, registry: Registry, settings: object = {}): Sidecar {
  const sidecar = createSidecar({
    app,
    configPath: false,
    signals: false,
    logger: collectLog(),
    settings: registry.settings({ 'application.name': 'orders', ...settings }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return sidecar
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
const closed = (server: Server) => new Promise((resolve) => server.close(resolve))

async function answer(port: number, path: string): Promise<IncomingMessage> {
  const [response] = (await once(get({ port, path }), 'response')) as [IncomingMessage]
  response.resume()
  return response
}
const READINESS = '/actuator/health/readiness'

/** The instances that the registry lists, by port. */
async function listed(registry: Registry, namespace = ''): Promise<number[]> {
  const query = new URLSearchParams({ serviceName: 'orders', ...(namespace && { namespaceId: namespace }) })
  const response = await fetch(`http://${registry.address}/nacos/v1/ns/instance/list?${query}`)
  const { hosts } = (await response.json()) as { hosts: { port: number }[] }
  return hosts.map(({ port }) => port)
}

describe('K13: an app that closes its server and listens again is registered again', () => {
  it('K13: with the new port, and status, health and events say the same', async () => {
    const registry = await testRegistry()
    const app = express()
    app.get('/', (_request, response) => void response.send('ok'))
    const sidecar = sidecarOf(app, registry)
    const server = createServer(app)

    let again = once(sidecar, 'registered')
    await listen(server)
    await again
    expect(sidecar.status()).toMatchObject({ phase: 'serving', registered: true })
    const gone = once(sidecar, 'deregistered')
    await closed(server)
    await gone
    expect(sidecar.status()).toMatchObject({ phase: 'starting', registered: false })
    expect(await listed(registry)).toEqual([])

    again = once(sidecar, 'registered')
    const port = await listen(server)
    await again
    expect(await listed(registry)).toEqual([port])
    expect(sidecar.status()).toMatchObject({ phase: 'serving', registered: true, instance: { port } })
    expect((await answer(port, READINESS)).statusCode).toBe(200)
    expect((await answer(port, '/')).headers).not.toHaveProperty('x-sidecar-leaving')
  })

  it('K13: Fastify’s own close is the end: deregistered, and stopped comes', async () => {
    const registry = await testRegistry()
    const app = fastify({ forceCloseConnections: true })
    const sidecar = sidecarOf(app, registry)
    const registered = once(sidecar, 'registered')
    await app.listen({ port: 0, host: '127.0.0.1' })
    await registered
    const stopped = once(sidecar, 'stopped')
    await app.close()
    await stopped
    expect(sidecar.status()).toMatchObject({ phase: 'left', registered: false })
    expect(await listed(registry)).toEqual([])
  })
})

describe('K30: state is taken back', () => {
  it('K30: a server for each request, as supertest(app) makes them: none is told to go away', async () => {
    const registry = await testRegistry()
    const app = express()
    app.get('/', (_request, response) => void response.send('ok'))
    const sidecar = sidecarOf(app, registry)
    await sidecar.ready
    for (let i = 0; i < 3; i++) {
      const server = createServer(app)
      const port = await listen(server)
      const response = await answer(port, READINESS)
      expect([response.statusCode, (await answer(port, '/')).headers.connection]).toEqual([200, 'keep-alive'])
      server.closeAllConnections()
      await closed(server)
    }
    await vi.waitFor(async () => expect(await listed(registry)).toEqual([]))
  })

  it('K30: an app that a new sidecar takes up after a stop is healthy, and asks the new guard alone', async () => {
    const registry = await testRegistry()
    const app = express()
    app.get('/', (_request, response) => void response.end('served'))
    const auth = { enabled: true }
    const made = (token: string) => {
      const sidecar = createSidecar({
        app,
        configPath: false,
        signals: false,
        logger: collectLog(),
        verify: (sent) => sent === token || 401,
        settings: registry.settings({ 'application.name': 'orders', auth }),
      })
      onTestFinished(() => sidecar.stop({ drain: false }))
      return sidecar
    }
    const first = made('one')
    const registered = once(first, 'registered')
    await listen(createServer(app))
    await registered
    await first.stop({ drain: false })
    const port = await listen(createServer(app))
    expect((await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-token': 'two' } })).status).toBe(503) // closed, not open
    const second = made('two')
    await once(second, 'registered')
    const ask = async (path: string, token: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-token': token } })
      return [response.status, (await response.text()).slice(0, 20)]
    }
    expect(await ask('/', 'two')).toEqual([200, 'served'])
    expect((await ask('/', 'one'))[0]).toBe(401)
    expect(await ask('/actuator/health/readiness', '')).toEqual([200, '{"status":"UP"}'])
  })

  it('K30: a hot swap: the new server listens, then the old one closes, and the instance moves', async () => {
    const registry = await testRegistry()
    const app = express()
    const sidecar = sidecarOf(app, registry)
    const registered = once(sidecar, 'registered')
    const before = createServer(app)
    await listen(before)
    await registered
    const port = await listen(createServer(app))
    await closed(before)
    await vi.waitFor(async () => expect(await listed(registry)).toEqual([port]))
    expect(sidecar.status()).toMatchObject({ phase: 'serving', registered: true, instance: { port } })
    const response = await answer(port, READINESS)
    expect([response.statusCode, response.headers.connection]).toEqual([200, 'keep-alive'])
  })
})

describe('K12: two sidecars on one app', () => {
  it('K12: the server serves on when the first has left, and closes with the last', async () => {
    const registry = await testRegistry()
    const app = express()
    app.get('/', (_request, response) => void response.send('ok'))
    const first = sidecarOf(app, registry)
    const second = sidecarOf(app, registry, { 'cloud.nacos.discovery.namespace': 'other' })
    const both = Promise.all([once(first, 'registered'), once(second, 'registered')])
    const server = createServer(app)
    const port = await listen(server)
    await both

    await first.stop()
    expect([await listed(registry), await listed(registry, 'other')]).toEqual([[], [port]])
    expect(server.listening).toBe(true)
    const response = await answer(port, READINESS)
    expect([response.statusCode, response.headers.connection]).toEqual([200, 'keep-alive'])
    expect((await answer(port, '/')).statusCode).toBe(200)

    await second.stop()
    expect(server.listening).toBe(false)
    expect(await listed(registry, 'other')).toEqual([])
  })

  it('K12: the server serves until the longer drain is over, and the app’s own close waits for it', async () => {
    const registry = await testRegistry()
    const app = express()
    app.get('/', (_request, response) => void response.send('ok'))
    const first = sidecarOf(app, registry, { 'sidecar.drain': 100 })
    const second = sidecarOf(app, registry, { 'cloud.nacos.discovery.namespace': 'other', 'sidecar.drain': 1_500 })
    const both = Promise.all([once(first, 'registered'), once(second, 'registered')])
    const server = createServer(app)
    const port = await listen(server)
    await both

    const longer = second.stop()
    const appClosed = closed(server)
    await first.stop()
    expect(server.listening).toBe(true)
    // Every owner leaves now.
    expect((await answer(port, '/')).headers.connection).toBe('close')
    await Promise.all([longer, appClosed])
    expect(server.listening).toBe(false)
  })
})
