import {
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node'
import type { Span } from './tree.js'

/** A service of your own has `@opentelemetry/sdk-node` and a collector here; this one gives its spans to main.ts. */
const exporter: SpanExporter = {
  export(spans, done) {
    for (const span of spans) process.send?.({ span: readable(span) })
    done({ code: 0 })
  },
  shutdown: async () => {},
}

function readable(span: ReadableSpan): Span {
  const { traceId, spanId } = span.spanContext()
  const { name, parentSpanContext, duration, attributes } = span
  return {
    ...{ traceId, id: spanId, parent: parentSpanContext?.spanId, name },
    service: process.env['SERVICE'] ?? '',
    ms: duration[0] * 1_000 + duration[1] / 1e6,
    status: attributes['http.response.status_code'] as number | undefined,
  }
}

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
