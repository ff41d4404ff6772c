import type { Span } from '@opentelemetry/api'
import { currentTraceId } from '../context.js'
import { beginSpan } from '../tracing/begin-span.js'
import { registeredApi, traceIdOfSpan } from '../tracing/registered-api.js'
import { safely } from '../tracing/safely.js'
import { FAILED, INTERNAL } from '../tracing/span-values.js'
import type { OperationKind } from './operation.js'
import { failureOf } from './recorded.js'
import type { Recorder } from './recorder.js'

type Value = string | number | boolean

/**
 * The span of an operation of the app's own. It is OpenTelemetry's own `Span` where an SDK is registered; otherwise one of the same
 * shape that does nothing. It ends with the operation.
 */
export interface TracedSpan {
  setAttribute(name: string, value: Value): this
  setAttributes(attributes: Readonly<Record<string, Value>>): this
  addEvent(name: string, attributes?: Readonly<Record<string, Value>>): this
  updateName(name: string): this
  /** False where nothing is kept: then costly attributes need not be made. */
  isRecording(): boolean
  /** Ids of 32 and of 16 hex digits; all zeros where there is no trace. */
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number }
}

/** How an operation of the app's own is written down. */
export interface TracedOptions {
  /**
   * Facts of this one operation: attributes of its span, and of its sample in the figures. Names and values are cut at
   * `sidecar.observe.max-tag-length`; of more than 32, the first ones count. No secret belongs here.
   *
   * @default none
   */
  readonly tags?: Readonly<Record<string, unknown>>
  /** Errors that are no failure, beside those of `sidecar.observe.expected`. They reject all the same. @default none */
  readonly expected?: (error: unknown) => boolean
}

/** What the span of an operation is, beside its name. */
export interface SpanFacts {
  /** A `SpanKind` of OpenTelemetry. */
  readonly kind: number
  /** Read only where a span is made. */
  readonly attributes: Readonly<Record<string, Value>>
}

/** Runs the work as one operation, within a span of its own. */
export async function traced<T>(
  recorder: Recorder,
  name: string,
  work: (span: TracedSpan) => Promise<T> | T,
  { tags, expected }: TracedOptions = {},
  kind: OperationKind = 'custom',
  facts?: SpanFacts,
): Promise<T> {
  const api = registeredApi()
  const begin = (registered: NonNullable<typeof api>) => {
    const attributes = tags ? recorder.cut(tags) : facts?.attributes
    return beginSpan(registered, name, { kind: facts?.kind ?? INTERNAL, ...(attributes && { attributes }) })
  }
  const begun = api && safely(() => begin(api))
  const span = begun?.span
  const traceId = traceIdOfSpan(span) ?? currentTraceId()
  const since = performance.now()
  // Of one shape always: each event and each run of a timer comes through here.
  const end = (failed: boolean, status?: number, code?: string) => {
    recorder.record(kind, name, performance.now() - since, { failed, status, code, traceId, tags })
    if (span) safely(() => endSpan(span, failed, code))
  }
  const run = () => work(span ?? NO_SPAN)
  try {
    const result = await (begun && api.context ? api.context.with(begun.context, run) : run())
    end(false)
    return result
  } catch (error) {
    const { failed, status, code } = failureOf(recorder, error)
    end(failed && expected?.(error) !== true, status, code)
    throw error
  }
}

/** Never with the message of the error, which may hold what was worked on. */
function endSpan(span: Span, failed: boolean, code = '_OTHER'): void {
  if (failed) span.setAttribute('error.type', code).setStatus({ code: FAILED, message: code })
  span.end()
}

const NO_TRACE = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }

const NO_SPAN: TracedSpan = {
  setAttribute: () => NO_SPAN,
  setAttributes: () => NO_SPAN,
  addEvent: () => NO_SPAN,
  updateName: () => NO_SPAN,
  isRecording: () => false,
  spanContext: () => NO_TRACE,
}
