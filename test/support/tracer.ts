import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Agent } from 'node:http'
import { Socket } from 'node:net'
import { context, propagation, SpanKind, trace, type Attributes } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { onTestFinished } from 'vitest'

export interface TestTracer {
  /** Those that have ended, but for the ones of the test itself. */
  spans(): ReadableSpan[]
  /** Runs the work within a span of the test. */
  within<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly traceId: string; readonly spanId: string }>
}

const OWN = 'test'

/** A real SDK, registered for this process until the test ends. */
export function startTracer({
  sampler,
  processors = [],
}: { readonly sampler?: Sampler; readonly processors?: readonly SpanProcessor[] } = {}): TestTracer {
  const exporter = new InMemorySpanExporter()
  const spanProcessors = [...processors, new SimpleSpanProcessor(exporter)]
  const provider = new NodeTracerProvider({ spanProcessors, ...(sampler && { sampler }) })
  provider.register()
  onTestFinished(async () => {
    unregisterTracer()
    await provider.shutdown()
  })
  return {
    spans: () => exporter.getFinishedSpans().filter(({ instrumentationScope }) => instrumentationScope.name !== OWN),
    within: (work) =>
      trace.getTracer(OWN).startActiveSpan('the test', async (span) => {
        try {
          return { result: await work(), ...span.spanContext() }
        } finally {
          span.end()
        }
      }),
  }
}

export function unregisterTracer(): void {
  trace.disable()
  context.disable()
  propagation.disable()
}

/** What `@opentelemetry/instrumentation-undici` does with each request: a span, and what the propagators say. */
export function instrumentUndici(): void {
  const onCreate = (message: unknown) => {
    const { request } = message as { request: { addHeader(name: string, value: string): void } }
    const active = context.active()
    const span = trace.getTracer('undici').startSpan('GET', { kind: SpanKind.CLIENT }, active)
    const headers: Record<string, string> = {}
    propagation.inject(trace.setSpan(active, span), headers)
    for (const [name, value] of Object.entries(headers)) request.addHeader(name, value)
    span.end()
  }
  subscribe('undici:request:create', onCreate)
  onTestFinished(() => void unsubscribe('undici:request:create', onCreate))
}

/** The facts of a span that tests compare. */
export function factsOf(span: ReadableSpan) {
  const { name, kind, attributes, events, status, parentSpanContext } = span
  const attempts = events.filter((event) => event.name === 'attempt').map((event): Attributes => event.attributes ?? {})
  return { name, kind, attributes, attempts, status, parent: parentSpanContext?.spanId, ...span.spanContext() }
}

/**
 * A span for each request and each connection that Node's own clients begin, and for those of undici: what
 * instrumentations of http, net and undici would make.
 */
export function instrumentNode(): void {
  instrumentUndici()
  const spanOf = (name: string) => trace.getTracer('node').startSpan(name, { kind: SpanKind.CLIENT }).end()
  spyOn(Agent.prototype as unknown as Record<'addRequest', Method>, 'addRequest', () => spanOf('request'))
  spyOn(Socket.prototype as unknown as Record<'connect', Method>, 'connect', () => spanOf('connect'))
}

type Method = (this: unknown, ...args: unknown[]) => unknown

function spyOn<K extends string>(owner: Record<K, Method>, name: K, before: () => void): void {
  const original = owner[name]
  owner[name] = function (...args) {
    before()
    return original.apply(this, args)
  }
  onTestFinished(() => void (owner[name] = original))
}
