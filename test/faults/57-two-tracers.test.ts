import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type * as api from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { runWithContext } from 'nacos-sidecar'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { callStyles } from '../support/call-styles.js'
import { instance, startMesh, startProvider } from '../support/mesh.js'
import { tempFolder } from '../support/temp-folder.js'
import { factsOf, instrumentNode, startTracer, unregisterTracer } from '../support/tracer.js'

afterEach(unregisterTracer)

const INCOMING = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const AGENT = '00-11111111111111111111111111111111-2222222222222222-01'

async function serving() {
  const mesh = startMesh()
  const provider = await startProvider()
  mesh.registry.set('user-service', instance('user-service', provider.port))
  /** Node joins two headers of one name with a comma. */
  return () => provider.seen.map(({ headers }) => headers.traceparent)
}

/** The place in which all copies meet keeps the version of the first one. */
const forgetApi = () => void Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1'))

/** Another copy of the API, as a second package of an app brings it. */
function copyOfApi(version: string): typeof api {
  const folder = tempFolder({}, onTestFinished)
  const load = createRequire(import.meta.url)
  cpSync(dirname(load.resolve('@opentelemetry/api')), join(folder, 'api'), { recursive: true })
  const file = join(folder, 'api/version.js')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/VERSION = '[^']+'/, `VERSION = '${version}'`))
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }')
  return createRequire(join(folder, 'index.js'))('./api/index.js') as typeof api
}

/** An agent that knows no OpenTelemetry (dd-trace and others): a span of its own and its header, whatever is there. */
function startAgent(): void {
  const add = (message: unknown) => {
    const { request } = message as { request: { addHeader(name: string, value: string): void } }
    request.addHeader('traceparent', AGENT)
    request.addHeader('tracestate', 'agent=1')
  }
  subscribe('undici:request:create', add)
  onTestFinished(() => void unsubscribe('undici:request:create', add))
}

describe.each(Object.entries(callStyles))('%s', (style, open) => {
  test('fault 57: beside instrumentations of undici, http and net: one span, one header', async () => {
    const tracer = startTracer()
    instrumentNode()
    const traceparents = await serving()
    await runWithContext({ traceparent: INCOMING }, () => open('user-service')('GET', '/a'))
    await expect.poll(() => tracer.spans()).toHaveLength(1)
    const { traceId, spanId } = factsOf(tracer.spans()[0]!)
    expect(traceparents()).toEqual([`00-${traceId}-${spanId}-01`])
  })

  test('fault 57: beside a second SDK, which the API refuses: the first one has the span', async () => {
    const tracer = startTracer()
    const exporter = new InMemorySpanExporter()
    const second = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    second.register()
    onTestFinished(() => second.shutdown())
    const traceparents = await serving()
    await open('user-service')('GET', '/a')
    await expect.poll(() => tracer.spans()).toHaveLength(1)
    expect(exporter.getFinishedSpans()).toEqual([])
    expect(traceparents()).toHaveLength(1)
    expect(traceparents()[0]).toContain(tracer.spans()[0]!.spanContext().spanId)
  })

  test.each(['1.4.0', '1.99.0'])(
    'fault 57: beside a copy %s of the API that the SDK was registered with: one trace',
    async (version) => {
      const copy = copyOfApi(version)
      forgetApi()
      onTestFinished(forgetApi)
      const exporter = new InMemorySpanExporter()
      const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
      const registered = copy.trace.setGlobalTracerProvider(provider)
      expect(registered).toBe(true)
      await serving()
      await open('user-service')('GET', '/a')
      await expect.poll(() => exporter.getFinishedSpans().map(({ name }) => name)).toHaveLength(1)
    },
  )

  // The instrumentations of node:http, which axios uses, set their header: they add none.
  if (style !== 'axios')
    test('fault 57: beside an agent that adds its header to each request of undici: its header is the only one', async () => {
      startAgent()
      const traceparents = await serving()
      const call = open('user-service')
      await runWithContext({ traceparent: INCOMING, tracestate: 'a=b' }, () => call('GET', '/a'))
      startTracer()
      await runWithContext({ traceparent: INCOMING, tracestate: 'a=b' }, () => call('GET', '/a'))
      expect(traceparents()).toEqual([AGENT, AGENT])
    })
})
