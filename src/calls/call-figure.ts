import type { Endpoint } from '../balance/balancer.js'
import { codeOrNameOf } from '../errors.js'
import { hostPort } from '../instance.js'
import type { OperationOutcome } from '../observe/operation.js'
import type { OperationWriter, Recorder } from '../observe/recorder.js'
import { verbOf } from '../observe/verb.js'
import { traceCall, type CallTrace, type TracedCall } from '../tracing/call-trace.js'
import type { ServiceInstance } from '../types.js'
import { outcomeOfAbort } from './retry.js'

/** Where the figures of calls are written, and under which name; their spans have the same. */
export interface CallFigures extends TracedCall {
  readonly recorder: Recorder
  readonly write: OperationWriter
  /** Errors that are no failure, as the client has it. */
  readonly expected: ((error: unknown) => boolean) | undefined
}

export interface CallFiguresOptions {
  /** Of the path, where calls have one; what is behind a `?` is left out. */
  readonly template?: string
  readonly expected?: CallFigures['expected']
  /** Of a fixed URL. */
  readonly origin?: string | undefined
}

const NO_OPTIONS: CallFiguresOptions = {}

export function callFigures(
  recorder: Recorder,
  method: string | undefined,
  service: string,
  { template = '', expected, origin }: CallFiguresOptions = NO_OPTIONS,
): CallFigures {
  const verb = verbOf(method)
  const path = template.split('?', 1)[0]!
  const name = `${verb} ${service}${path}`
  const write = recorder.writerOf('client', name)
  return { recorder, write, name, verb, service, template: path, expected, origin }
}

/**
 * What is written down of one call, whatever it is made with: one operation, however many requests it takes. It is begun
 * once, and ended once.
 */
export class CallFigure implements OperationOutcome {
  /** Requests begun, the present one included. */
  count = 0
  /** Where the present attempt goes, or the next one; `undefined` for a fixed URL. */
  endpoint: Endpoint | undefined
  /** Of the request being handled. */
  traceparent: string | undefined
  failed = false
  status = 0
  code: string | undefined
  /** Its span and headers, where an SDK of OpenTelemetry is registered. */
  trace: CallTrace | undefined
  /** 0 where nothing is written down. */
  private since = 0

  /** @param figures `undefined` where they are written elsewhere, or nowhere */
  constructor(private readonly figures: CallFigures | undefined) {}

  get attempts(): number {
    return this.count
  }

  get instance(): string | undefined {
    return this.endpoint && hostPort(this.endpoint.instance)
  }

  get traceId(): string | undefined {
    return this.trace?.traceId
  }

  /** Begins the span. Before the headers are made, and followed by `end` in any case. */
  openTrace(): void {
    if (this.figures !== undefined) this.trace = traceCall(this.figures)
  }

  start(): void {
    if (this.figures?.recorder.enabled) this.since = performance.now()
  }

  /**
   * Writes the figures, and ends the span, once. A call has failed where its caller gets an error, or a status from 500
   * on; but not where the caller itself has given it up, nor where the error is expected.
   *
   * @param status of the response; 0 where there is none
   * @param error what the caller gets in place of a value
   */
  end(status: number, error?: unknown): void {
    const { figures, since, trace } = this
    if (figures === undefined || (since === 0 && trace === undefined)) return
    this.since = 0
    this.status = status
    if (error !== undefined) this.code = codeOrNameOf(error)
    const { recorder, write, expected } = figures
    this.failed =
      (status >= 500 || (error !== undefined && !isGivenUp(error))) &&
      !recorder.isExpected(status, this.code) &&
      !isExpected(expected, error)
    if (since !== 0) write(performance.now() - since, this)
    this.trace = undefined
    trace?.end(this)
  }

  get address(): ServiceInstance | undefined {
    return this.endpoint?.instance
  }
}

/** The app's own function: one that throws knows nothing of the error. */
function isExpected(expected: CallFigures['expected'], error: unknown): boolean {
  try {
    return error !== undefined && expected?.(error) === true
  } catch {
    return false
  }
}

/** By its caller, for another reason than time. */
function isGivenUp(error: unknown): boolean {
  const { code, name, cause } = (error ?? {}) as { code?: unknown; name?: unknown; cause?: unknown }
  if (code === 'SIDECAR_CALL_ABORTED') return outcomeOfAbort(cause) === 'aborted'
  return name === 'AbortError' || name === 'CanceledError' || code === 'UND_ERR_ABORTED'
}
