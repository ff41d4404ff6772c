import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Hop } from '../fixtures/apps/traced-app.js'
import { killChildren } from '../support/child.js'
import { npmPackages } from './servers/npm-packages.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'
import {
  startSpanCollector,
  startTracedApp,
  tracedAppFolder,
  type ModuleSystem,
  type SentSpan,
  type SpanCollector,
  type TracedApp,
} from './support/traced-apps.js'

const PACKAGES = [
  ...['@opentelemetry/api', '@opentelemetry/sdk-node', '@opentelemetry/auto-instrumentations-node'],
  ...['express@5', 'fastify@5', 'koa@3', '@koa/router', 'undici@7'],
]
const FRAMEWORKS = ['express', 'fastify', 'koa']
const STYLES = ['typed', 'fetch', 'axios', 'undici']
const SYSTEMS: readonly ModuleSystem[] = ['esm', 'cjs']
/** OTLP's numbers. */
const [INTERNAL, SERVER, CLIENT] = [1, 2, 3]

const installed = await npmPackages('otel', PACKAGES).then(
  (packages) => ({ packages, missing: undefined }),
  (error: unknown) => ({
    packages: '',
    missing: { reason: String(error), toolAbsent: error instanceof Unavailable && error.absent !== undefined },
  }),
)

describe.each(SYSTEMS)('OpenTelemetry as people install it: %s', (system) => {
  if (installed.missing) return cannotBeHad(installed.missing)
  let registry: TestRegistry
  let collector: SpanCollector
  let folder: string
  /** Of the requests that the tests make. */
  const known = new Set<string>()

  beforeAll(async () => {
    registry = await startTestRegistry()
    collector = await startSpanCollector()
    folder = tracedAppFolder(installed.packages)
  })
  afterAll(async () => {
    await killChildren()
    collector.stop()
    await registry.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  let started = 0
  const start = (framework: string, service: string, next?: string) => {
    started++
    return startTracedApp({
      ...{ folder, system, collector, framework, service },
      ...(next !== undefined && { next }),
      settings: registry.settings({ 'application.name': service, 'feign.client.default.retry': 1 }),
    })
  }

  /** One request of a caller that traces, and what came of it. */
  async function ask(app: TracedApp, path: string) {
    const [traceId, parent] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
    known.add(traceId)
    const traceparent = `00-${traceId}-${parent}-01`
    const response = await fetch(app.url + path, { headers: { traceparent } })
    expect(response.status).toBe(200)
    const hop = (await response.json()) as Hop
    return { hop, traceparent, traceId, parent, spans: () => collector.spans.filter((one) => one.traceId === traceId) }
  }

  /** The span's first ancestor that is of this kind, in the same service. */
  function ancestor(spans: readonly SentSpan[], span: SentSpan, kind: number): SentSpan | undefined {
    const parent = spans.find((one) => one.spanId === span.parentSpanId && one.service === span.service)
    return parent === undefined || parent.kind === kind ? parent : ancestor(spans, parent, kind)
  }

  const only = (spans: readonly SentSpan[], service: string, kind: number) => {
    const found = spans.filter((one) => one.service === service && one.kind === kind)
    expect(found.map(({ name }) => name)).toHaveLength(1)
    return found[0]!
  }

  describe.each(FRAMEWORKS)('%s', (framework) => {
    const [gatewayName, a, b] = ['gateway', 'a', 'b'].map((name) => `${framework}-${name}`) as [string, string, string]
    let gateway: TracedApp

    beforeAll(async () => {
      ;[gateway] = await Promise.all([start(framework, gatewayName, a), start(framework, a, b), start(framework, b)])
    })

    test.each(STYLES)('K1: %s: one header a hop, one trace over three, each parent the right one', async (style) => {
      const { hop, traceparent, traceId, parent, spans } = await ask(gateway, `/hop/${style}`)
      await expect.poll(() => spans().filter(({ kind }) => kind !== INTERNAL)).toHaveLength(5)
      const all = spans()
      const [first, second, third] = [gatewayName, a, b].map((name) => only(all, name, SERVER)) as [
        SentSpan,
        SentSpan,
        SentSpan,
      ]
      const [toA, toB] = [gatewayName, a].map((name) => only(all, name, CLIENT)) as [SentSpan, SentSpan]

      expect([hop, hop.next!, hop.next!.next!].map((one) => one.traceId)).toEqual([traceId, traceId, traceId])
      expect(hop.traceparents).toEqual([traceparent])
      expect(hop.next!.traceparents).toEqual([`00-${traceId}-${toA.spanId}-01`])
      expect(hop.next!.next!.traceparents).toEqual([`00-${traceId}-${toB.spanId}-01`])

      expect(first.parentSpanId).toBe(parent)
      expect(ancestor(all, toA, SERVER)?.spanId).toBe(first.spanId)
      expect(second.parentSpanId).toBe(toA.spanId)
      expect(ancestor(all, toB, SERVER)?.spanId).toBe(second.spanId)
      expect(third.parentSpanId).toBe(toB.spanId)

      expect(toA).toMatchObject({
        scope: 'nacos-sidecar',
        name: style === 'typed' ? `GET ${a}/hop/{style}` : `GET ${a}`,
        attributes: {
          ...{ 'http.request.method': 'GET', 'peer.service': a, 'http.response.status_code': 200 },
          'server.address': '127.0.0.1',
        },
        events: [{ name: 'attempt', attributes: { 'nacos_sidecar.outcome': 'ok' } }],
      })
      for (const span of [first, second, third])
        expect(span).toMatchObject({ name: 'GET /hop/:style', attributes: { 'http.route': '/hop/:style' } })
    })

    test('a span of the app around a call, and `traced` in it, are its parents', async () => {
      const { spans } = await ask(gateway, '/wrapped/typed')
      await expect.poll(() => spans().filter(({ kind }) => kind === SERVER)).toHaveLength(3)
      await expect.poll(() => spans().some(({ name }) => name === 'own')).toBe(true)
      const all = spans()
      const named = (name: string) => all.find((one) => one.service === gatewayName && one.name === name)!
      const [own, traced] = [named('own'), named('load prices')]
      expect(only(all, gatewayName, CLIENT).parentSpanId).toBe(traced.spanId)
      expect(traced).toMatchObject({ parentSpanId: own.spanId, kind: INTERNAL, attributes: { currency: 'EUR' } })
      expect(ancestor(all, own, SERVER)?.name).toBe('GET /wrapped/:style')
    })
  })

  test.each(STYLES)('%s: an instance that was killed is an attempt of the same span', async (style) => {
    const service = `${style}-killed`
    const [caller, killed, alive] = await Promise.all([
      start('express', `${service}-caller`, service),
      start('koa', service),
      start('koa', service),
    ])
    // Both are listed, and take turns.
    let asked = 0
    const next = async () => {
      asked++
      return (await ask(caller, `/hop/${style}`)).hop.next?.pid
    }
    await expect.poll(next).toBe(killed.pid)
    await expect.poll(next).toBe(alive.pid)
    await killed.kill()
    await next()
    await next()
    const ofCaller = ({ service: of, scope }: SentSpan) => of === `${service}-caller` && scope === 'nacos-sidecar'
    const calls = () => collector.spans.filter(ofCaller)
    await expect.poll(() => calls().map(({ name }) => name)).toHaveLength(asked)
    const repeated = calls().filter(({ events }) => events.length > 1)
    // Two where the caller has not yet read the end of its connection: a reset is no reason to leave the instance out.
    expect([1, 2]).toContain(repeated.length)
    for (const span of repeated)
      expect(span).toMatchObject({
        status: 0,
        attributes: { 'server.port': alive.port, 'http.request.resend_count': 1, 'http.response.status_code': 200 },
        events: [
          {
            name: 'attempt',
            attributes: { 'nacos_sidecar.instance': `127.0.0.1:${killed.port}`, 'http.request.resend_count': 0 },
          },
          {
            name: 'attempt',
            attributes: { 'nacos_sidecar.instance': `127.0.0.1:${alive.port}`, 'http.request.resend_count': 1 },
          },
        ],
      })
    await Promise.all([caller.kill(), alive.kill()])
  })

  test('registrations, heartbeats, lists and polls have made no span', async () => {
    // All spans of the tests before have come with those of a last request.
    const app = await start('express', 'last')
    const { traceId } = await ask(app, '/hop/none')
    await expect.poll(() => collector.spans.some((one) => one.traceId === traceId)).toBe(true)
    const others = collector.spans.filter((one) => !known.has(one.traceId))
    // Each app asks for the address that it listens on.
    const [listens, rest] = [true, false].map((own) => others.filter(({ name }) => (name === 'dns.lookup') === own))
    expect(listens!.length).toBeLessThanOrEqual(started)
    expect(rest!.map(({ service, name, scope }) => `${service}: ${name} (${scope})`)).toEqual([])
  })
})
