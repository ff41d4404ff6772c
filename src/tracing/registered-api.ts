import type { Context, ContextManager, Span, TextMapPropagator, Tracer, TracerProvider } from '@opentelemetry/api'

/** What an SDK of OpenTelemetry has registered. */
export interface RegisteredApi {
  readonly trace?: TracerProvider
  readonly context?: ContextManager
  readonly propagation?: TextMapPropagator
}

/**
 * Where every copy of `@opentelemetry/api` 1.x registers, and finds, what an SDK brings. Several copies in one process agree on
 * this place, and on the keys below. It is read here without loading a copy: one of ours could be another than the app's
 * (pnpm, a bundler, ESM beside CommonJS), and a copy refuses to work with what an older minor version has registered.
 */
const PLACE = 'opentelemetry.js.api.'
const API = Symbol.for(`${PLACE}1`)
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN')

const holder = globalThis as { [API]?: RegisteredApi }

/** The one check that a call makes where nothing is traced: `undefined` without an SDK, whether the API is installed or not. */
export function registeredApi(): RegisteredApi | undefined {
  const api = holder[API]
  return api !== undefined && (api.trace !== undefined || api.context !== undefined) ? api : undefined
}

/** The major versions of the API that are in use in this process, but for the one that is known here. */
export function unknownApis(): string[] {
  if (registeredApi() !== undefined) return []
  return Object.getOwnPropertySymbols(globalThis)
    .map(({ description = '' }) => description)
    .filter((text) => text.startsWith(PLACE))
    .map((text) => text.slice(PLACE.length))
    .filter((major) => major !== '1')
}

/** Values by key, for an SDK that has registered no context manager. */
class PlainContext implements Context {
  constructor(private readonly values: ReadonlyMap<symbol, unknown> = new Map()) {}

  getValue(key: symbol): unknown {
    return this.values.get(key)
  }

  setValue(key: symbol, value: unknown): Context {
    return new PlainContext(new Map(this.values).set(key, value))
  }

  deleteValue(key: symbol): Context {
    return new PlainContext(new Map([...this.values].filter(([known]) => known !== key)))
  }
}

const ROOT = new PlainContext()

export function activeContext(api: RegisteredApi): Context {
  return api.context?.active() ?? ROOT
}

export function spanOf(context: Context): Span | undefined {
  return context.getValue(SPAN) as Span | undefined
}

export function withSpan(context: Context, span: Span): Context {
  return context.setValue(SPAN, span)
}

/** `undefined` for a span of no trace: what a suppressed context, or an SDK without a tracer, gives. */
export function traceIdOfSpan(span: Span | undefined): string | undefined {
  const traceId = span?.spanContext().traceId
  return traceId === undefined || /^0*$/.test(traceId) ? undefined : traceId
}

/** The trace of the active span. */
export function activeTraceId(): string | undefined {
  const api = registeredApi()
  return api && traceIdOfSpan(spanOf(activeContext(api)))
}

/** Of the provider it was asked for last. */
let tracer: { readonly of: TracerProvider; readonly tracer: Tracer } | undefined

export function tracerOf({ trace }: RegisteredApi): Tracer | undefined {
  if (trace === undefined) return undefined
  if (tracer?.of !== trace) tracer = { of: trace, tracer: trace.getTracer('nacos-sidecar') }
  return tracer.tracer
}
