import { setTimeout as pause } from 'node:timers/promises'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { runWithContext, type TracedSpan } from 'nacos-sidecar'
import { afterEach, describe, expect, test } from 'vitest'
import { observer } from '../../support/member.js'
import { createMemoryTransport } from '../../support/memory-transport.js'
import { factsOf, startTracer, unregisterTracer } from '../../support/tracer.js'

afterEach(unregisterTracer)

const INCOMING = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const sidecarWith = (settings: object = {}) =>
  observer(
    { 'application.name': 'portal', 'cloud.nacos.config.enabled': false, ...settings },
    { transport: createMemoryTransport() },
  )

test('an operation of the app is a figure, and a span below the active one in which its work runs', async () => {
  const tracer = startTracer()
  const sidecar = await sidecarWith({ 'sidecar.observe.max-tag-length': 5 })
  const { result, spanId } = await tracer.within(() =>
    sidecar.traced(
      'load prices',
      async (span) => {
        await pause(5)
        span.setAttribute('rows', 3)
        return trace.getActiveSpan()?.spanContext().spanId
      },
      { tags: { currency: 'Euro or Yen' } },
    ),
  )
  const span = factsOf(tracer.spans()[0]!)
  expect(span).toMatchObject({
    ...{ name: 'load prices', kind: SpanKind.INTERNAL, parent: spanId, spanId: result },
    attributes: { curre: 'Euro ', rows: 3 },
    status: { code: SpanStatusCode.UNSET },
  })
  const [figure] = sidecar.stats().operations
  expect(figure).toMatchObject({
    ...{ kind: 'custom', name: 'load prices', count: 1, errors: 0 },
    samples: [{ traceId: span.traceId, tags: { curre: 'Euro ' } }],
  })
})

test('an error passes, and marks both, by its code and never by its message; one that is expected does not', async () => {
  const tracer = startTracer()
  const sidecar = await sidecarWith({ 'sidecar.observe.expected': ['EEXPECTED'] })
  const fail = (code: string, options = {}) =>
    expect(
      sidecar.traced('work', () => Promise.reject(Object.assign(new Error('canary'), { code })), options),
    ).rejects.toThrow('canary')
  await fail('ELOST')
  await fail('EEXPECTED')
  await fail('ELOST', { expected: ({ code }: { code: string }) => code === 'ELOST' })
  await expect(
    sidecar.traced('work', () => {
      throw new TypeError('canary')
    }),
  ).rejects.toThrow(TypeError)
  expect(tracer.spans().map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([
    [SpanStatusCode.ERROR, 'ELOST'],
    [SpanStatusCode.UNSET, undefined],
    [SpanStatusCode.UNSET, undefined],
    [SpanStatusCode.ERROR, 'TypeError'],
  ])
  expect(sidecar.stats().operations).toMatchObject([{ count: 4, errors: 2, errorSamples: [{ code: 'ELOST' }, {}] }])
  expect(JSON.stringify([sidecar.stats(), tracer.spans().map(factsOf)])).not.toContain('canary')
})

describe('without an SDK', () => {
  test('the work runs, the figure is written, and the span is one of the same shape', async () => {
    const sidecar = await sidecarWith()
    const use = (span: TracedSpan) => {
      span.setAttribute('a', 1).setAttributes({ b: true }).addEvent('c', { d: 'e' }).updateName('f')
      return [span.isRecording(), span.spanContext().traceId]
    }
    const run = () => sidecar.traced('work', use, { tags: { a: 1 } })
    expect(await runWithContext({ traceparent: INCOMING }, run)).toEqual([false, '0'.repeat(32)])
    expect(sidecar.stats().operations[0]).toMatchObject({ samples: [{ traceId: INCOMING.slice(3, 35) }] })
  })

  test('an API of another major version is said at debug', async () => {
    const key = Symbol.for('opentelemetry.js.api.9')
    Object.assign(globalThis, { [key]: { version: '9.0.0' } })
    const sidecar = await sidecarWith({ 'logging.level.nacos-sidecar': 'debug' })
    Reflect.deleteProperty(globalThis, key)
    expect(sidecar.recentLog().map(({ level, message }) => `${level} ${message}`)).toContainEqual(
      expect.stringMatching(/^debug OpenTelemetry's API 9\.x/),
    )
  })
})
