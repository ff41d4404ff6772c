import { once } from 'node:events'
import express from 'express'
import { afterEach, expect, test, vi } from 'vitest'
import { trace } from '@opentelemetry/api'
import { startCollector } from '../../support/collector.js'
import { join } from '../../support/member.js'
import { testRegistry } from '../../support/registry.js'
import { instrumentNode, startTracer, unregisterTracer } from '../../support/tracer.js'
import { startWebhook } from '../../support/webhook.js'

afterEach(unregisterTracer)

test.each(['http', 'grpc'])(
  'K1: registration, beats, lists, documents, alerts and reports make no span: %s',
  async (transport) => {
    const tracer = startTracer()
    const registry = await testRegistry()
    instrumentNode()
    const { url: webhook, received } = await startWebhook()
    const periods: unknown[] = []
    await tracer.within(async () => {
      const settings = registry.settings({
        'application.name': 'portal',
        'cloud.nacos.discovery.transport': transport,
        'sidecar.alerts': { webhook, for: 0 },
        'sidecar.observe.period': '50ms',
      })
      const statsReporter = {
        report: async (period: unknown) => {
          periods.push(period)
          await fetch(webhook, { method: 'POST', body: '{}' })
        },
      }
      const { sidecar } = await join(express(), settings, { statsReporter })
      await registry.stub('user-service', (_request, response) => response.end())
      await sidecar.discovery.instances('user-service')
      await sidecar.config.publish({ dataId: 'portal.yml', content: 'a: 1' })
      await once(sidecar, 'configChanged')
      const rejected = once(sidecar, 'configRejected')
      registry.configs.publish({ dataId: 'portal.yml', content: 'a: [' })
      await rejected
      await vi.waitFor(() => expect(received.length).toBeGreaterThan(1))
      await vi.waitFor(() => expect(periods.length).toBeGreaterThan(1))
      await sidecar.stop({ drain: false })
    })
    expect(tracer.spans().map(({ name }) => name)).toEqual([])
  },
)

test('the collector of figures hears of no trace', async () => {
  const tracer = startTracer()
  instrumentNode()
  const collector = await startCollector()
  const registry = await testRegistry()
  const settings = registry.settings({
    'application.name': 'portal',
    'sidecar.observe': { period: '50ms', report: { url: collector.url } },
  })
  await tracer.within(() => join(express(), settings))
  await vi.waitFor(() => expect(collector.received.length).toBeGreaterThan(1))
  expect(tracer.spans()).toEqual([])
})

test('the question to the auth service is a call of the request that it is asked for', async () => {
  const tracer = startTracer()
  const registry = await testRegistry()
  const seen: (string | string[] | undefined)[] = []
  await registry.stub('auth-service', (request, response) => {
    seen.push(request.headers['traceparent'])
    response.setHeader('content-type', 'application/json').end('{"data":true}')
  })
  const app = express()
  app.get('/a', (_request, response) => void response.json({}))
  const settings = registry.settings({
    ...{ 'application.name': 'portal', 'auth.enabled': true, 'auth.service': 'auth-service' },
  })
  const { url } = await join(app, settings)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const response = await fetch(`${url}/a`, { headers: { authorization: 'Bearer token', traceparent } })
  expect(response.status).toBe(200)
  const [span] = tracer.spans()
  expect(span).toMatchObject({ name: 'GET auth-service' })
  const { traceId, spanId } = span!.spanContext()
  expect(seen).toEqual([`00-${traceId}-${spanId}-01`])
})

test('what listens to events of the registry is traced as ever', async () => {
  const tracer = startTracer()
  const registry = await testRegistry()
  const { sidecar } = await join(express(), registry.settings({ 'application.name': 'portal' }))
  sidecar.on('configChanged', () => trace.getTracer('app').startSpan('changed').end())
  const changed = once(sidecar, 'configChanged')
  registry.configs.publish({ dataId: 'portal.yml', content: 'a: 2' })
  await changed
  expect(tracer.spans().map(({ name }) => name)).toEqual(['changed'])
})
