import { once } from 'node:events'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { suppressTracing, W3CTraceContextPropagator } from '@opentelemetry/core'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-node'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { createLogger, defineClient, GET, runWithContext, type Interceptor } from 'nacos-sidecar'
import { request } from 'undici'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { activeRuntime } from '../../../src/calls/active-runtime.js'
import { SidecarDispatcher } from '../../../src/http/dispatcher.js'
import { callStyles } from '../../support/call-styles.js'
import { closedPort, instance, json, startMesh, startProvider, type Seen } from '../../support/mesh.js'
import { factsOf, instrumentNode, startTracer, unregisterTracer } from '../../support/tracer.js'
import type { ServerResponse } from 'node:http'

afterEach(unregisterTracer)

const INCOMING = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

async function serving(answer?: (request: Seen, response: ServerResponse) => void, settings: object = {}) {
  const mesh = startMesh(settings)
  const provider = await startProvider(answer)
  mesh.registry.set('user-service', instance('user-service', provider.port))
  const traceparents = () => provider.seen.map(({ headers }) => headers.traceparent)
  return { mesh, provider, traceparents }
}

const client = (options: object = {}) =>
  defineClient(
    { name: 'user-service', ...options },
    { get: GET('/users/{id}?view=full').as<(p: { id: number; signal?: AbortSignal }) => Promise<unknown>>() },
  )

describe.each(Object.entries(callStyles))('%s', (style, open) => {
  const typed = style === 'typed client'
  const name = typed ? 'GET user-service/{path}' : 'GET user-service'

  test('K1: a call is one CLIENT span below the active one, and its header is the only one', async () => {
    const tracer = startTracer()
    instrumentNode()
    const { provider, traceparents } = await serving()
    const call = open('user-service')
    const active = await tracer.within(() => runWithContext({ traceparent: INCOMING }, () => call('GET', '/a')))
    await vi.waitFor(() => expect(tracer.spans()).toHaveLength(1))
    const span = factsOf(tracer.spans()[0]!)
    expect(span).toMatchObject({
      ...{ name, kind: SpanKind.CLIENT, traceId: active.traceId, parent: active.spanId },
      status: { code: SpanStatusCode.UNSET },
    })
    expect(span.attributes).toEqual({
      'http.request.method': 'GET',
      'peer.service': 'user-service',
      ...(typed && { 'url.template': '/{path}' }),
      'server.address': '127.0.0.1',
      'server.port': provider.port,
      'http.response.status_code': 200,
    })
    expect(traceparents()).toEqual([`00-${span.traceId}-${span.spanId}-01`])
  })

  test('a refused connection is an attempt of the same span', async () => {
    const tracer = startTracer()
    const { mesh, provider } = await serving()
    const dead = await closedPort()
    mesh.registry.set('user-service', instance('user-service', dead), instance('user-service', provider.port))
    const call = open('user-service')
    for (let n = 0; n < 2; n++) await call('GET', '/a')
    await vi.waitFor(() => expect(tracer.spans()).toHaveLength(2))
    const span = tracer
      .spans()
      .map(factsOf)
      .find(({ attempts }) => attempts.length > 1)!
    expect(span.attempts).toEqual([
      {
        'nacos_sidecar.instance': `127.0.0.1:${dead}`,
        'nacos_sidecar.outcome': 'never-connected',
        'http.request.resend_count': 0,
        'error.type': 'ECONNREFUSED',
      },
      {
        'nacos_sidecar.instance': `127.0.0.1:${provider.port}`,
        'nacos_sidecar.outcome': 'ok',
        'http.request.resend_count': 1,
        'http.response.status_code': 200,
      },
    ])
    expect(span.attributes).toMatchObject({ 'server.port': provider.port, 'http.request.resend_count': 1 })
    expect(span.status.code).toBe(SpanStatusCode.UNSET)
    const [first, second] = provider.seen.map(({ headers }) => headers.traceparent)
    expect(first).not.toBe(second)
  })

  test('a failure is an error, with its status; one that is expected is none', async () => {
    const tracer = startTracer()
    const settings = {
      sidecar: { observe: { expected: [503] } },
      feign: { client: { default: { retry: 0 } } },
    }
    let status = 500
    await serving((_, response) => json(response, {}, status), settings)
    const call = open('user-service')
    await call('GET', '/a').catch(() => {})
    status = 503
    await call('GET', '/a').catch(() => {})
    await vi.waitFor(() => expect(tracer.spans()).toHaveLength(2))
    const [failed, expected] = tracer.spans().map(factsOf)
    expect(failed).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': '500', 'http.response.status_code': 500 },
    })
    expect(expected!.status.code).toBe(SpanStatusCode.UNSET)
    expect(expected!.attributes).not.toHaveProperty('error.type')
  })

  test('a call without an instance is a span that ends once, with a code', async () => {
    const tracer = startTracer()
    startMesh()
    await expect(open('no-service')('GET', '/a')).rejects.toThrow()
    const [span] = tracer.spans().map(factsOf)
    expect(tracer.spans()).toHaveLength(1)
    expect(span).toMatchObject({ attempts: [], attributes: { 'error.type': 'SIDECAR_NO_INSTANCE' } })
  })

  test('where the server is not instrumented, the trace of the request goes on', async () => {
    const tracer = startTracer()
    const { traceparents } = await serving()
    await runWithContext({ traceparent: INCOMING, tracestate: 'a=b' }, () => open('user-service')('GET', '/a'))
    await vi.waitFor(() => expect(tracer.spans()).toHaveLength(1))
    const { traceId, spanId, parent } = factsOf(tracer.spans()[0]!)
    expect({ traceId, parent }).toEqual({ traceId: INCOMING.slice(3, 35), parent: INCOMING.slice(36, 52) })
    expect(traceparents()).toEqual([`00-${traceId}-${spanId}-01`])
  })

  test('what is not sampled makes no span, and the header says so', async () => {
    const tracer = startTracer({ sampler: new AlwaysOffSampler() })
    instrumentNode()
    const { traceparents } = await serving()
    await open('user-service')('GET', '/a')
    expect(tracer.spans()).toEqual([])
    expect(traceparents()).toEqual([expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/)])
  })

  test('a service at a fixed URL has a span too, and gets the trace', async () => {
    const tracer = startTracer()
    instrumentNode()
    const { origin, port, seen } = await startProvider()
    startMesh({ feign: { client: { 'user-service': { url: origin } } } })
    await open('user-service')('GET', '/a')
    await vi.waitFor(() => expect(tracer.spans()).toHaveLength(1))
    const span = factsOf(tracer.spans()[0]!)
    expect(span.attributes).toMatchObject({ 'server.address': '127.0.0.1', 'server.port': port })
    expect(seen.map(({ headers }) => headers.traceparent)).toEqual([`00-${span.traceId}-${span.spanId}-01`])
  })

  test('an SDK that traces nothing (OTEL_TRACES_EXPORTER=none) passes the header on once', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    instrumentNode()
    const { traceparents } = await serving()
    await runWithContext({ traceparent: INCOMING }, () => open('user-service')('GET', '/a'))
    expect(traceparents()).toEqual([INCOMING])
  })

  test('the API without an SDK changes nothing: the header is forwarded byte for byte', async () => {
    instrumentNode()
    const { traceparents } = await serving()
    const odd = `${INCOMING.slice(0, -2)}03-more`
    await runWithContext({ traceparent: odd }, () => open('user-service')('GET', '/a'))
    expect(traceparents()).toEqual([odd])
  })

  test('within what the app has suppressed there is no span', async () => {
    const tracer = startTracer()
    instrumentNode()
    const { traceparents } = await serving()
    const call = open('user-service')
    await context.with(suppressTracing(context.active()), () =>
      runWithContext({ traceparent: INCOMING }, () => call('GET', '/a')),
    )
    expect(tracer.spans()).toEqual([])
    expect(traceparents()).toEqual([INCOMING])
  })

  test('an SDK that fails does not fail the call', async () => {
    const broken = () => {
      throw new Error('broken')
    }
    startTracer({
      processors: [{ onStart: broken, onEnd: broken, forceFlush: async () => {}, shutdown: async () => {} }],
    })
    await serving()
    await expect(open('user-service')('GET', '/a')).resolves.toMatchObject({ url: '/a' })
  })

  test('the sample of its figure has the trace of the span', async () => {
    const tracer = startTracer()
    const { mesh } = await serving()
    await runWithContext({ traceparent: INCOMING }, () => tracer.within(() => open('user-service')('GET', '/a')))
    await vi.waitFor(() => expect(tracer.spans()).toHaveLength(1))
    const figure = mesh.runtime.recorder.stats().find(({ kind }) => kind === 'client')!
    expect(figure.samples[0]!.traceId).toBe(tracer.spans()[0]!.spanContext().traceId)
  })
})

describe('a typed client', () => {
  test('has the template of its path, without the query, and never a value', async () => {
    const tracer = startTracer()
    await serving()
    await client({ path: '/api' }).get({ id: 4711 })
    expect(factsOf(tracer.spans()[0]!)).toMatchObject({
      name: 'GET user-service/api/users/{id}',
      attributes: { 'url.template': '/api/users/{id}' },
    })
    expect(JSON.stringify(tracer.spans().map(factsOf))).not.toContain('4711')
  })

  test('interceptors run within the span; what they repeat are attempts of it', async () => {
    const tracer = startTracer()
    instrumentNode()
    const { traceparents } = await serving()
    const active: (string | undefined)[] = []
    const twice: Interceptor = async (request, next) => {
      active.push(trace.getActiveSpan()?.spanContext().spanId)
      await next(request)
      return next(request)
    }
    await client({ interceptors: [twice] }).get({ id: 1 })
    expect(tracer.spans()).toHaveLength(1)
    const span = factsOf(tracer.spans()[0]!)
    expect(span.attempts).toHaveLength(2)
    expect(active).toEqual([span.spanId])
    expect(traceparents()).toEqual(Array(2).fill(`00-${span.traceId}-${span.spanId}-01`))
  })

  test('a call that is given up ends its span, which is no failure; one out of time is', async () => {
    const tracer = startTracer()
    await serving(() => {}) // never answers
    const { signal, abort } = new (class extends AbortController {
      override abort = () => super.abort()
    })()
    const given = client().get({ id: 1, signal })
    setTimeout(abort, 20)
    await expect(given).rejects.toMatchObject({ code: 'SIDECAR_CALL_ABORTED' })
    await expect(client({ timeoutMs: 30 }).get({ id: 1 })).rejects.toMatchObject({ code: 'SIDECAR_CALL_TIMEOUT' })
    const [aborted, late] = tracer.spans().map(factsOf)
    expect(aborted!.status.code).toBe(SpanStatusCode.UNSET)
    expect(late).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'SIDECAR_CALL_TIMEOUT' },
    })
    expect(tracer.spans()).toHaveLength(2)
  })

  test('a header of the caller wins', async () => {
    startTracer()
    const { provider, traceparents } = await serving()
    const get = client({ headers: { Traceparent: INCOMING } })
    await get.get({ id: 1 })
    expect(traceparents()).toEqual([INCOMING])
    expect(provider.seen[0]!.headers).not.toHaveProperty('tracestate')
  })
})

describe('undici and fetch', () => {
  const streamed = (_: Seen, response: ServerResponse) => {
    response.writeHead(200).write('a')
    setTimeout(() => response.end('b'), 30)
  }

  test('the span ends with the body, also where that is cancelled', async () => {
    const tracer = startTracer()
    let finish = () => {}
    await serving((_, response) => {
      response.writeHead(200).write('a')
      finish = () => void response.end('b')
    })
    const dispatcher = new SidecarDispatcher(activeRuntime)
    onTestFinished(() => dispatcher.close())
    const whole = await request('http://user-service/', { dispatcher })
    expect(tracer.spans()).toHaveLength(0)
    finish()
    await whole.body.text()
    expect(tracer.spans()).toHaveLength(1)
    const cut = await request('http://user-service/', { dispatcher })
    cut.body.on('error', () => {}).destroy()
    await vi.waitFor(() => expect(tracer.spans()).toHaveLength(2))
    expect(tracer.spans().map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET])
  })

  test('what listens to the body is traced again, under the span of the caller', async () => {
    const tracer = startTracer()
    await serving(streamed)
    const dispatcher = new SidecarDispatcher(activeRuntime)
    onTestFinished(() => dispatcher.close())
    const { spanId } = await tracer.within(async () => {
      const { body } = await request('http://user-service/', { dispatcher })
      body.on('data', () => trace.getTracer('app').startSpan('chunk').end())
      await once(body, 'end')
    })
    const chunks = tracer.spans().filter(({ name }) => name === 'chunk')
    expect(chunks.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([spanId, spanId])
  })
})

test('a line of the log has the trace of the active span, else that of the request', async () => {
  const { openLog } = await import('../../../src/logging.js')
  const tracer = startTracer()
  const lines: unknown[] = []
  const line = (_message: string, fields?: object) => void lines.push((fields as { traceId?: string })?.traceId)
  const settings = { logging: { format: 'text', level: { 'nacos-sidecar': 'info' } }, sidecar: {} } as never
  const { logger } = openLog(settings, { ...createLogger('error'), info: line })
  const active = await tracer.within(async () => runWithContext({ traceparent: INCOMING }, () => logger.info('a')))
  runWithContext({ traceparent: INCOMING }, () => logger.info('b'))
  expect(lines).toEqual([active.traceId, INCOMING.slice(3, 35)])
})
