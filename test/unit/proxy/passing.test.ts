import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { NestFactory } from '@nestjs/core'
import { Module } from '@nestjs/common'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import type { SidecarError } from 'nacos-sidecar'
import { createSidecar, type ProxyOptions } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { ask, quietRegistry, startGateway, startInstance } from '../../support/gateway.js'
import { startTracer } from '../../support/tracer.js'

/** An instance that says what it got. */
async function echoing() {
  const registry = await quietRegistry()
  const seen: { url: string; headers: IncomingMessage['headers']; body: string }[] = []
  const { port } = await startInstance(registry, (request, response) => {
    let body = ''
    request
      .on('data', (chunk) => (body += chunk))
      .on('end', () => {
        seen.push({ url: request.url!, headers: request.headers, body })
        response.end(`${request.url} ${body}`)
      })
  })
  return { registry, seen, port }
}

test('the trailers of a request are left out, and its body is whole', async () => {
  const { registry, seen } = await echoing()
  const { port } = await startGateway(registry)
  const sent = httpRequest({ port, host: '127.0.0.1', path: '/users/1', method: 'POST', headers: { trailer: 'x-sum' } })
  sent.write('part')
  sent.addTrailers({ 'x-sum': '42', authorization: 'Bearer late' })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  expect(seen).toMatchObject([{ body: 'part' }])
  for (const name of ['trailer', 'x-sum', 'authorization']) expect(seen[0]!.headers).not.toHaveProperty(name)
})

describe('rewrite', () => {
  test.each([
    [
      { rewrite: '/api/users' },
      ['/users', '/users/', '/users/7?x=1'],
      ['/api/users', '/api/users/', '/api/users/7?x=1'],
    ],
    [{ rewrite: '/users' }, ['/users/7'], ['/users/7']],
    [{ rewrite: '/' }, ['/users', '/users/7'], ['/', '/7']],
    [{ rewrite: (path: string) => path.replace(/^\/v1/, '/v2') }, ['/users/v1/a?x=1'], ['/v2/a?x=1']],
    [{ rewrite: () => '/fixed?y=2' }, ['/users/v1/a?x=1'], ['/fixed?y=2']],
  ] as [ProxyOptions, string[], string[]][])('%j', async (options, asked, got) => {
    const { registry, seen } = await echoing()
    const { port } = await startGateway(registry, { options })
    for (const path of asked) await ask(port, path)
    expect(seen.map(({ url }) => url)).toEqual(got)
  })

  test('rewriteResponse leads locations and cookies through the proxy', async () => {
    const registry = await quietRegistry()
    const locations: string[] = []
    const { port: instance } = await startInstance(registry, ({ url }, response) => {
      response.writeHead(302, {
        location: locations[Number(url!.slice(5))],
        'set-cookie': ['a=1; Path=/api; Secure', 'b=2; path=/', 'c=3'],
      })
      response.end()
    })
    const { port } = await startGateway(registry, { options: { rewrite: '/api', rewriteResponse: true } })
    locations.push(
      '/api/login?x=1',
      `http://127.0.0.1:${instance}/api/a#b`,
      '/other',
      'relative',
      'https://elsewhere/api',
      '/api',
      '//host/api',
    )
    const got = []
    for (const at of locations.keys()) got.push((await ask(port, `/users/${at}`)).headers.location)
    expect(got).toEqual([
      '/users/login?x=1',
      '/users/a#b',
      '/other',
      'relative',
      'https://elsewhere/api',
      '/users',
      '//host/api',
    ])
    expect((await ask(port, '/users/0')).headers['set-cookie']).toEqual([
      'a=1; Path=/users; Secure',
      'b=2; path=/',
      'c=3',
    ])
  })
})

test('Host and further headers are as the options say', async () => {
  const { registry, seen } = await echoing()
  const headers = ({ url }: IncomingMessage) => ({ 'X-Url': url, cookie: undefined })
  const { port } = await startGateway(registry, { options: { preserveHost: true, headers } })
  await ask(port, '/users/7', { headers: { cookie: 'a=1' } })
  expect(seen[0]!.headers).toMatchObject({ host: `127.0.0.1:${port}`, 'x-url': '/7' })
  expect(seen[0]!.headers).not.toHaveProperty('cookie')
})

test.each([
  ['an unknown option', { target: 'x' }],
  ['a prefix without a slash', { prefix: 'users' }],
  ['a rewrite with dots', { rewrite: '/a/../b' }],
  ['a function that cannot be undone', { rewrite: () => '/', rewriteResponse: true }],
  ['a time in words', { timeoutMs: '5s' }],
])('%s is SIDECAR_PROXY_INVALID', async (_, options) => {
  const sidecar = createSidecar({
    configPath: false,
    settings: { 'cloud.nacos.discovery.register-enabled': false },
    signals: false,
    logger: collectLog(),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  expect(() => sidecar.proxy('user-service', options as never)).toThrow(
    expect.objectContaining({ code: 'SIDECAR_PROXY_INVALID' }) as SidecarError,
  )
})

describe('a body that a parser has read', () => {
  const parsed = async (parser: express.RequestHandler, type: string, body: string) => {
    const { registry, seen } = await echoing()
    const { port } = await startGateway(registry, { before: ((app: express.Express) => void app.use(parser)) as never })
    const answer = await ask(port, '/users/x', { method: 'POST', headers: { 'content-type': type } }, body)
    return { answer, seen }
  }

  test('is made anew where nothing is lost', async () => {
    const json = await parsed(express.json(), 'application/json', '{ "a": 1 }')
    expect(json.seen).toMatchObject([{ body: '{"a":1}', headers: { 'content-length': '7' } }])
    const form = await parsed(
      express.urlencoded({ extended: false }),
      'application/x-www-form-urlencoded',
      'a=1&b=x%20y',
    )
    expect(form.seen[0]!.body).toBe('a=1&b=x+y')
    const raw = await parsed(express.raw({ type: '*/*' }), 'application/x-any', 'bytes')
    expect(raw.seen[0]!.body).toBe('bytes')
    // What the app has kept of it goes before what was made of it.
    const keep = express.json({ verify: (request, _, bytes) => void Object.assign(request, { rawBody: bytes }) })
    expect((await parsed(keep, 'application/json', '{"n":12345678901234567890}')).seen[0]!.body).toBe(
      '{"n":12345678901234567890}',
    )
  })

  test('is refused, and does not hang, where it would be another one', async () => {
    const { answer, seen } = await parsed(
      (request, _, next) => void request.resume().on('end', () => next()),
      'multipart/form-data; boundary=x',
      'text',
    )
    expect([answer.status, JSON.parse(answer.text), seen]).toMatchObject([500, { error: 'SIDECAR_PROXY_REQUEST' }, []])
  })
})

test('Expect: 100-continue is answered by the gateway, and the body follows', async () => {
  const { registry, seen } = await echoing()
  const { port } = await startGateway(registry)
  const sent = httpRequest({
    port,
    host: '127.0.0.1',
    path: '/users/x',
    method: 'POST',
    headers: { expect: '100-continue', 'content-length': 5 },
    agent: false,
  })
  sent.flushHeaders()
  await once(sent, 'continue')
  sent.end('hello')
  expect(((await once(sent, 'response'))[0] as IncomingMessage).statusCode).toBe(200)
  expect([seen[0]!.body, seen[0]!.headers.expect]).toEqual(['hello', undefined])
})

test('a response that comes before the upload is over reaches the client, and the connection goes on', async () => {
  const registry = await quietRegistry()
  await startInstance(registry, (_, response) => void response.writeHead(413).end('too large'))
  const { port } = await startGateway(registry)
  expect(await ask(port, '/users/x', { method: 'POST' }, Buffer.alloc(4_000_000))).toMatchObject({
    status: 413,
    text: 'too large',
  })
})

test('early hints come through', async () => {
  const registry = await quietRegistry()
  await startInstance(registry, (_, response) =>
    response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('x')),
  )
  const { port } = await startGateway(registry)
  const sent = httpRequest({ port, host: '127.0.0.1', path: '/users/x', agent: false }).end()
  const [hints] = (await once(sent, 'information')) as [{ statusCode: number; headers: Record<string, string> }]
  expect(hints).toMatchObject({ statusCode: 103, headers: { link: '</a.css>; rel=preload' } })
})

test('headers that hooks and middleware have set stay', async () => {
  const registry = await quietRegistry()
  await startInstance(
    registry,
    (_, response) => void response.writeHead(200, { vary: 'accept', 'x-both': 'service' }).end(),
  )
  const set = { 'access-control-allow-origin': '*', vary: 'origin', 'x-both': 'gateway' }
  const { port } = await startGateway(registry, {
    before: ((app: express.Express) => void app.use((_, response, next) => (response.set(set), next()))) as never,
  })
  expect((await ask(port, '/users/x')).headers).toMatchObject({ ...set, vary: 'origin, accept', 'x-both': 'service' })
})

test('a route of Fastify, a mount of Koa, and HTTP/2', async () => {
  const { registry, seen } = await echoing()
  const settings = registry.settings({
    'cloud.nacos.discovery.register-enabled': false,
    'cloud.nacos.config.enabled': false,
  })
  const make = (app: unknown) => {
    const sidecar = createSidecar({ app, configPath: false, settings, signals: false, logger: collectLog() })
    onTestFinished(() => sidecar.stop({ drain: false }))
    return sidecar
  }
  const app = fastify({ http2: true })
  app.all('/users/*', make(app).proxy('user-service', { prefix: '/users' }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connectHttp2(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  const stream = session.request({ ':method': 'POST', ':path': '/users/h2', 'content-type': 'application/json' })
  stream.end('{"a":1}')
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
  expect(head[':status']).toBe(200)
  await once(stream.resume(), 'end')
  session.close()
  await app.close()

  const koa = new Koa()
  const proxy = make(koa).proxy('user-service')
  // As koa-mount does it.
  koa.use(async (context, next) => {
    context.path = context.path.slice('/mounted'.length) || '/'
    await proxy(context, next)
  })
  const server = koa.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close().closeAllConnections())
  await once(server, 'listening')
  await ask((server.address() as AddressInfo).port, '/mounted/koa')
  expect(seen).toMatchObject([
    { url: '/h2', body: '{"a":1}', headers: { 'x-forwarded-prefix': '/users' } },
    { url: '/koa', headers: { 'x-forwarded-prefix': '/mounted' } },
  ])
})

test('NestJS takes it as middleware', async () => {
  const { registry, seen } = await echoing()
  class Empty {}
  Module({})(Empty)
  const app = await NestFactory.create(Empty, { logger: false })
  const settings = registry.settings({
    'cloud.nacos.discovery.register-enabled': false,
    'cloud.nacos.config.enabled': false,
  })
  const sidecar = createSidecar({ app, configPath: false, settings, signals: false, logger: collectLog() })
  app.use('/users', sidecar.proxy('user-service'))
  await app.listen(0, '127.0.0.1')
  onTestFinished(async () => {
    await sidecar.stop({ drain: false })
    await app.close()
  })
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address()
  await ask(port, '/users/7', { method: 'POST', headers: { 'content-type': 'application/json' } }, '{ "a": 1 }')
  expect(seen).toMatchObject([{ url: '/7', body: '{ "a": 1 }' }])
})

test('one traceparent goes on: of the span of the call', async () => {
  const tracer = startTracer()
  const { registry, seen } = await echoing()
  const { port } = await startGateway(registry)
  await ask(port, '/users/7', {
    headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'x=y', baggage: 'k=v' },
  })
  const [{ headers }] = seen as [(typeof seen)[number]]
  const { traceparent, baggage } = headers
  const span = tracer.spans().find(({ name }) => name === 'GET user-service')
  expect(traceparent).toBe(`00-${span?.spanContext().traceId}-${span?.spanContext().spanId}-01`)
  expect(baggage).toBe('k=v')
})
