import { once } from 'node:events'
import { connect, createServer, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { createSidecar } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished } from 'vitest'
import { express4, fastify4, Koa2, sendRaw, serve } from '../support/frameworks.js'
import { createServer as createHttpServer } from 'node:http'

/** Every app answers every method on every path, as a proxy or a single-page app does. */
const APPS: Record<string, () => { app: unknown; listen: (app: never) => Promise<number> }> = {}
const onServer = (handler: unknown) => serve(createHttpServer(handler as never)).then(closing)
const closing = (running: { port: number; close(): Promise<void> }) => {
  onTestFinished(() => running.close())
  return running.port
}
for (const [name, factory] of [['express 5', express] as const, ['express 4', express4] as const])
  APPS[name] = () => {
    const app = factory()
    app.use((_request, response) => void response.status(200).send('ran'))
    return { app, listen: () => onServer(app) }
  }
for (const [name, factory] of [['koa 3', Koa] as const, ['koa 2', Koa2] as const])
  APPS[name] = () => {
    const app = new factory()
    app.use((context) => void (context.body = 'ran'))
    return { app, listen: () => onServer(app.callback()) }
  }
for (const [name, factory] of [['fastify 5', fastify] as const, ['fastify 4', fastify4] as const])
  APPS[name] = () => {
    const app = factory()
    app.all('/*', async () => 'ran')
    return {
      app,
      async listen() {
        await app.listen({ port: 0, host: '127.0.0.1' })
        onTestFinished(() => app.close())
        return (app.server.address() as AddressInfo).port
      },
    }
  }

function guarded(app: unknown, auth: Record<string, unknown> = {}) {
  const sidecar = createSidecar({
    app,
    configPath: false,
    signals: false,
    verify: () => false,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    settings: {
      auth: { enabled: true, ...auth },
      'cloud.nacos.discovery.enabled': false,
      'cloud.nacos.config.enabled': false,
    },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return sidecar
}

const PREFLIGHT = 'Origin: http://a\r\nAccess-Control-Request-Method: PUT\r\n'
const FALSE_ONES = {
  'without Origin': 'Access-Control-Request-Method: PUT\r\n',
  'without a method': 'Origin: http://a\r\n',
  'with neither': '',
  'with Upgrade': `${PREFLIGHT}Connection: Upgrade\r\nUpgrade: websocket\r\n`,
  'with a body': `${PREFLIGHT}Content-Length: 2\r\n`,
  'with chunks': `${PREFLIGHT}Transfer-Encoding: chunked\r\n`,
  'with an override': `${PREFLIGHT}X-HTTP-Method-Override: DELETE\r\n`,
}

async function options(port: number, path: string, headers: string): Promise<{ status: number; text: string }> {
  const body = headers.includes('chunked') ? '2\r\nhi\r\n0\r\n\r\n' : headers.includes('Length: 2') ? 'hi' : ''
  const connection = headers.includes('Connection') ? '' : 'Connection: close\r\n'
  return sendRaw(port, `OPTIONS ${path} HTTP/1.1\r\nHost: localhost\r\n${connection}${headers}\r\n${body}`)
}

describe.each(Object.entries(APPS))('attack: OPTIONS without a token: %s', (_name, create) => {
  it('G1: only a true preflight reaches a handler', async () => {
    const { app, listen } = create()
    guarded(app)
    const port = await listen(app as never)
    for (const [what, headers] of Object.entries(FALSE_ONES))
      for (const path of ['/x', '/x?a=b']) expect((await options(port, path, headers)).text, what).not.toContain('ran')
    expect((await options(port, '/x?a=b', PREFLIGHT)).text).toContain('ran')
    expect((await options(port, '*', '')).text).not.toContain('ran')
  })

  it('G1: auth.open-preflight: false closes preflights too', async () => {
    const { app, listen } = create()
    guarded(app, { 'open-preflight': false })
    const port = await listen(app as never)
    for (const headers of [...Object.values(FALSE_ONES), PREFLIGHT])
      expect((await options(port, '/x', headers)).text).not.toContain('ran')
  })
})

describe('attack: OPTIONS over HTTP/2', () => {
  async function over(handler: (request: never, response: never) => unknown) {
    const server = createServer(handler as never)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    onTestFinished(() => {
      session.destroy()
      server.close()
    })
    return async (more: Record<string, string>, body?: string): Promise<number> => {
      const stream = session.request(
        { ':method': 'OPTIONS', ':path': '/x', ...more },
        { endStream: body === undefined },
      )
      if (body !== undefined) stream.end(body)
      const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }]
      stream.close()
      return headers[':status']
    }
  }
  const preflight = { origin: 'http://a', 'access-control-request-method': 'PUT' }

  it('G1: a body needs no header there (Koa)', async () => {
    const app = new Koa()
    app.use((context) => void (context.body = 'ran'))
    guarded(app)
    const ask = await over(app.callback() as never)
    expect(await ask(preflight)).toBe(200)
    expect(await ask(preflight, 'a body')).toBe(401)
    expect(await ask({})).toBe(401)
  })

  it('G1: the same by sidecar.check', async () => {
    const sidecar = guarded(undefined, { mount: 'manual' })
    const ask = await over((async (request: never, response: { writeHead(status: number): { end(): void } }) => {
      const decision = await sidecar.check(request)
      response.writeHead(decision.allowed ? 200 : decision.status).end()
    }) as never)
    expect(await ask(preflight)).toBe(200)
    expect(await ask(preflight, 'a body')).toBe(401)
    expect(await ask({ origin: 'http://a' })).toBe(401)
  })
})
