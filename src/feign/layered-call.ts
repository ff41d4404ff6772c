import { CallFigure } from '../calls/call-figure.js'
import type { FlatHeaders } from '../calls/flat-headers.js'
import { currentContext } from '../context.js'
import { SidecarError, type SidecarErrorCode } from '../errors.js'
import { offAbort, onAbort, type AbortListener } from '../util/abort-listeners.js'
import { timeLimit } from '../util/longest-timer.js'
import type { BoundCall } from './bind.js'
import { Call } from './call.js'
import { aborted, callFailed, maskUrl, timedOut, type CallErrors, type FeignError } from './errors.js'
import { flattenHeaders } from './headers.js'
import { chain, type FeignRequest, type FeignResponse } from './interceptor.js'
import { misused } from './invalid-call.js'
import type { CompiledMethod } from './method.js'
import { typeOf } from './query.js'
import type { Answer } from './response.js'
import { hasDotSegment } from './template.js'

/** A call through interceptors. One deadline and one signal are over all of it, the interceptors included. */
export class LayeredCall implements AbortListener, CallErrors {
  /** The latest request that an interceptor let through; `undefined` where one answers by itself. */
  private last: Call | undefined
  /** Of the response that the interceptors returned. */
  private status = 0
  /** Why the call ended before its interceptors did. */
  private ended: FeignError | undefined
  private reject!: (error: FeignError) => void
  /** Of the whole: what an interceptor repeats is one call. */
  private readonly figure: CallFigure

  constructor(
    private readonly method: CompiledMethod,
    private readonly bound: BoundCall,
  ) {
    this.figure = new CallFigure(method.figures)
  }

  async start(): Promise<unknown> {
    const { signal, timeoutMs = this.method.timeoutMs } = this.bound
    const early = new Promise<never>((_, reject) => (this.reject = reject))
    let timer: NodeJS.Timeout | undefined
    if (signal?.aborted) throw aborted(this, signal.reason)
    if (signal !== undefined) onAbort(signal, this)
    if (timeoutMs < Infinity) timer = setTimeout(() => this.end(timedOut(this, timeoutMs)), timeoutMs).unref()
    const { figure } = this
    figure.traceparent = currentContext()?.traceparent
    figure.openTrace()
    figure.start()
    try {
      const { trace } = figure
      const run = trace === undefined ? this.run() : trace.within(() => this.run())
      const value = await Promise.race([run, early])
      figure.end(this.status)
      return value
    } catch (error) {
      figure.end(this.status || (this.last?.status ?? 0), error)
      throw error
    } finally {
      clearTimeout(timer)
      if (signal !== undefined) offAbort(signal, this)
    }
  }

  onAbort(reason: unknown): void {
    this.end(aborted(this, reason))
  }

  fail(code: SidecarErrorCode, why: string, body?: unknown, cause?: unknown): FeignError {
    const { method, last, bound } = this
    const status = this.status || (last?.status ?? 0)
    return callFailed(method, (last?.bound ?? bound).path, last?.attempts, status, { code, why, body, cause })
  }

  private async run(): Promise<unknown> {
    const { method, bound } = this
    const layers = chain(method.interceptors, (request) => this.send(request))
    const response = (await layers(toRequest(method, bound))) as FeignResponse | undefined
    if (typeof response?.status !== 'number') throw misused(method, noResponse())
    this.status = response.status
    return method.readResponse({
      status: response.status,
      headers: () => response.headers,
      body: () => response.body,
      whole: () => response,
      fail: this.fail.bind(this),
    })
  }

  private async send(request: FeignRequest): Promise<FeignResponse> {
    if (this.ended !== undefined) throw this.ended
    const call = (this.last = new Call(this.method, toBound(this.method, request), wholeOf))
    const { figure } = this
    const { count } = figure
    // Its requests are attempts of this span.
    call.attempts.trace = figure.trace
    try {
      return (await call.start()) as FeignResponse
    } finally {
      figure.count = count + call.attempts.count
      figure.endpoint = call.attempts.endpoint
    }
  }

  private end(error: FeignError): void {
    this.ended = error
    this.reject(error)
    this.last?.giveUp(error, error.code === 'SIDECAR_CALL_TIMEOUT' ? 'failed' : 'aborted')
  }
}

function wholeOf(answer: Answer): FeignResponse {
  return answer.whole()
}

/** A forgotten `return`, mostly. */
function noResponse(): SidecarError {
  return new SidecarError('SIDECAR_CLIENT_INVALID', 'an interceptor returned no response: `return next(request)`')
}

function toRequest(method: CompiledMethod, { path, headers, body, signal, timeoutMs }: BoundCall): FeignRequest {
  return { service: method.service, method: method.verb, path, headers: toRecord(headers), body, signal, timeoutMs }
}

/** Checked again: an interceptor's path and headers are as little trusted as a caller's. */
function toBound(method: CompiledMethod, request: FeignRequest | undefined): BoundCall {
  const { path, headers, body, signal, timeoutMs } = request ?? ({} as Partial<FeignRequest>)
  if (typeof path !== 'string' || !/^\/(?!\/)[\x21-\x7e]*$/.test(path) || hasDotSegment(path)) {
    const asked = typeof path === 'string' ? JSON.stringify(maskUrl(path)) : typeOf(path)
    const why = `an interceptor asks for ${asked}, which is no absolute path`
    throw misused(method, new SidecarError('SIDECAR_CALL_INVALID', why))
  }
  try {
    const limit = timeoutMs === undefined ? undefined : timeLimit(timeoutMs)
    return { path, headers: headers === undefined ? [] : flattenHeaders(headers), body, signal, timeoutMs: limit }
  } catch (error) {
    throw misused(method, error)
  }
}

function toRecord(headers: FlatHeaders): Record<string, string> {
  const record = Object.create(null) as Record<string, string>
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    record[name] = name in record ? `${record[name]}, ${headers[i + 1]}` : headers[i + 1]!
  }
  return record
}
