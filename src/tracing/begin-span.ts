import type { Context, Span, SpanOptions } from '@opentelemetry/api'
import { currentContext } from '../context.js'
import { activeContext, spanOf, tracerOf, withSpan, type RegisteredApi } from './registered-api.js'

/** A span of this package's own, and where it stands. */
export interface BegunSpan {
  /** `undefined` where an SDK is registered that traces nothing. */
  readonly span: Span | undefined
  /** What is done as part of the span. */
  readonly context: Context
  /** What the span was begun in. */
  readonly around: Context
}

/**
 * Begins a span below the active one. Where there is none, since the server of this process is not instrumented, the trace of the
 * request being handled goes on.
 */
export function beginSpan(api: RegisteredApi, name: string, options: SpanOptions): BegunSpan {
  const around = activeContext(api)
  const parent = spanOf(around) === undefined ? ofCaller(api, around) : around
  const span = tracerOf(api)?.startSpan(name, options, parent)
  return { span, context: span === undefined ? parent : withSpan(parent, span), around }
}

const getter = {
  get: (carrier: Readonly<Record<string, string | undefined>>, key: string) => carrier[key],
  keys: (carrier: object) => Object.keys(carrier),
}

function ofCaller({ propagation }: RegisteredApi, context: Context): Context {
  const { traceparent, tracestate } = currentContext() ?? {}
  if (traceparent === undefined || propagation === undefined) return context
  return propagation.extract(context, { traceparent, tracestate }, getter)
}
