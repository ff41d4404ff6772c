import type { Span } from '@opentelemetry/api'
import { currentTraceId } from '../context.js'
import { beginSpan } from '../tracing/begin-span.js'
import { registeredApi, traceIdOfSpan } from '../tracing/registered-api.js'
import { safely } from '../tracing/safely.js'
import { FAILED, INTERNAL } from '../tracing/span-values.js'
import type { OperationOutcome } from './operation.js'
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

/** Runs the work as one operation of kind `custom`, within a span of its own. */
export async function traced<T>(
  recorder: Recorder,
  name: string,
  work: (span: TracedSpan) => Promise<T> | T,
  { tags, expected }: TracedOptions = {},
): Promise<T> {
  const api = registeredApi()
  const attributes = tags && recorder.cut(tags)
  const begun = api && safely(() => beginSpan(api, name, { kind: INTERNAL, ...(attributes && { attributes }) }))
  const span = begun?.span
  const traceId = traceIdOfSpan(span) ?? currentTraceId()
  const since = performance.now()
  const end = (outcome: OperationOutcome) => {
    recorder.record('custom', name, performance.now() - since, { ...outcome, traceId, tags })
    safely(() => {
      if (outcome.failed) markFailed(span, outcome)
      span?.end()
    })
  }
  const run = () => work(span ?? NO_SPAN)
  try {
    const result = await (begun && api.context ? api.context.with(begun.context, run) : run())
    end({ failed: false })
    return result
  } catch (error) {
    const outcome = failureOf(recorder, error)
    end({ ...outcome, failed: outcome.failed && expected?.(error) !== true })
    throw error
  }
}

/** Never with the message of the error, which may hold what was worked on. */
function markFailed(span: Span | undefined, { code = '_OTHER' }: OperationOutcome): void {
  span?.setAttribute('error.type', code).setStatus({ code: FAILED, message: code })
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
