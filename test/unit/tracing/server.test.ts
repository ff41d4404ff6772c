import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { RPCType, setRPCMetadata } from '@opentelemetry/core'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { frameworks, target } from '../../support/frameworks.js'
import { observer } from '../../support/member.js'
import { createMemoryTransport } from '../../support/memory-transport.js'
import { startTracer, unregisterTracer } from '../../support/tracer.js'

afterEach(unregisterTracer)

/** What an instrumentation of http does: a span for each request, from its event to the close of its response. */
function instrumentServer(server: Server, metadata: boolean): void {
  const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean
  server.emit = ((event: string, ...args: unknown[]) => {
    if (event !== 'request') return emit(event, ...args)
    const [{ method }, response] = args as [IncomingMessage, ServerResponse]
    const span = trace.getTracer('http').startSpan(method!, { kind: SpanKind.SERVER }, ROOT_CONTEXT)
    const rpc: { type: RPCType; span: typeof span; route?: string } = { type: RPCType.HTTP, span }
    const active = trace.setSpan(ROOT_CONTEXT, span)
    return context.with(metadata ? setRPCMetadata(active, rpc) : active, () => {
      response.on('close', () => {
        if (rpc.route) span.updateName(`${method} ${rpc.route}`)
        span.end()
      })
      return emit(event, ...args)
    })
  }) as typeof server.emit
}

describe.each(frameworks)('$name', ({ create }) => {
  test.each([true, false])(
    'the span of the server gets the pattern of the route; metadata of instrumentations: %s',
    async (metadata) => {
      const tracer = startTracer()
      const { app, route, listen } = create()
      const options = { app, transport: createMemoryTransport() }
      const sidecar = await observer({ 'application.name': 'portal', 'cloud.nacos.config.enabled': false }, options)
      route('GET', '/users/:id', () => {
        trace.getActiveSpan()?.setAttribute('app', true)
        return {}
      })
      const running = await listen()
      onTestFinished(() => running.close())
      instrumentServer(running.server, metadata)
      await target(running.port, '/users/4711')
      await target(running.port, '/nowhere')
      await vi.waitFor(() => expect(tracer.spans()).toHaveLength(2))
      const [known, unknown] = tracer.spans()
      expect(known).toMatchObject({ name: 'GET /users/:id', attributes: { 'http.route': '/users/:id', app: true } })
      expect(unknown).toMatchObject({ name: 'GET', attributes: {} })
      const figure = sidecar.stats().operations.find(({ name }) => name === 'GET /users/:id')
      expect(figure!.samples[0]!.traceId).toBe(known!.spanContext().traceId)
    },
  )
})
