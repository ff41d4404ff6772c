import { SidecarError } from '../errors.js'
import { offAbort, onAbort, type AbortListener } from '../util/abort-listeners.js'
import type { RawResponse } from './raw-response.js'
import type { BoundCall } from './bind.js'
import { Call } from './call.js'
import { maskUrl, type FeignError } from './errors.js'
import type { FlatHeaders } from '../calls/flat-headers.js'
import { flattenHeaders } from './headers.js'
import { onion, type FeignRequest, type FeignResponse } from './interceptor.js'
import {
  statusError,
  isSuccess,
  NOT_MODIFIED,
  unwrapAndValidate,
  unwrapAndValidateResponse,
  toResponse,
} from './response.js'
import type { CompiledMethod } from './method-spec.js'
import { misused } from './misuse.js'
import { typeOf } from './query.js'
import { hasDotSegment } from './template.js'
import { timeLimit } from '../calls/time-limit.js'

/** A call through interceptors. One deadline and one signal are over all of it, the interceptors included. */
export class LayeredCall implements AbortListener {
  /** The latest request that an interceptor let through. */
  private last: Call | undefined
  /** Why the call ended before its interceptors did. */
  private ended: FeignError | undefined
  private reject!: (error: FeignError) => void
  private readonly finish: (answer: RawResponse) => FeignResponse

  constructor(
    private readonly method: CompiledMethod,
    private readonly bound: BoundCall,
  ) {
    this.finish = (answer) => toResponse(answer, method.json)
  }

  async start(): Promise<unknown> {
    const { method, bound } = this
    const { signal, timeoutMs = method.timeoutMs } = bound
    const early = new Promise<never>((_, reject) => (this.reject = reject))
    let timer: NodeJS.Timeout | undefined
    if (signal?.aborted) throw this.facts().aborted(signal.reason)
    if (signal !== undefined) onAbort(signal, this)
    if (timeoutMs < Infinity) timer = setTimeout(() => this.end(this.facts().timedOut(timeoutMs)), timeoutMs).unref()
    try {
      return await Promise.race([this.run(), early])
    } finally {
      clearTimeout(timer)
      if (signal !== undefined) offAbort(signal, this)
    }
  }

  onAbort(reason: unknown): void {
    this.end(this.facts().aborted(reason))
  }

  private async run(): Promise<unknown> {
    const { method, bound } = this
    const layers = onion(method.interceptors, (request) => this.send(request))
    const response = (await layers(toRequest(method, bound))) as FeignResponse | undefined
    if (typeof response?.status !== 'number') throw misused(method, noResponse())
    const answer = this.facts()
    answer.status = response.status
    if (method.result === 'response') return unwrapAndValidateResponse(method, answer, response)
    if (response.status === 404 && method.decode404) return undefined
    if (!isSuccess(response.status)) throw statusError(answer, response.body)
    if (method.verb === 'HEAD') return { status: response.status, headers: response.headers }
    if (response.status === NOT_MODIFIED) return undefined
    return unwrapAndValidate(method, answer, response.body)
  }

  private async send(request: FeignRequest): Promise<FeignResponse> {
    if (this.ended !== undefined) throw this.ended
    this.last = new Call(this.method, toBound(this.method, request), this.finish)
    return (await this.last.start()) as FeignResponse
  }

  private end(error: FeignError): void {
    this.ended = error
    this.reject(error)
    this.last?.giveUp(error, error.code === 'SIDECAR_CALL_TIMEOUT' ? 'failed' : 'aborted')
  }

  /** An interceptor may have answered by itself: then there is no call, and a new one supplies the facts. */
  private facts(): Call {
    return this.last ?? new Call(this.method, this.bound, this.finish)
  }
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
