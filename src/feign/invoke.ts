import { SidecarError } from '../errors.js'
import type { RawAnswer } from './answer.js'
import { bind, type BoundCall } from './bind.js'
import type { Breaker } from './breaker.js'
import { Call } from './call.js'
import { callError, FeignError, maskUrl } from './errors.js'
import { flattenHeaders, type FlatHeaders } from './headers.js'
import { onion, type FeignRequest, type FeignResponse } from './interceptor.js'
import { badStatus, isGood, NOT_MODIFIED, refine, toResponse } from './judge.js'
import type { CompiledMethod } from './method-spec.js'
import type { FallbackFunction } from './options.js'
import { timeLimit } from './time-limit.js'

/** Makes one call. Every failure is a rejection, never a throw. */
export function invoke(method: CompiledMethod, args: readonly unknown[]): Promise<unknown> {
  let bound: BoundCall
  try {
    bound = bind(method, args)
  } catch (error) {
    return Promise.reject(misused(method, error))
  }
  const result = method.breaker === undefined ? send(method, bound) : throughBreaker(method, method.breaker, bound)
  return method.fallback === undefined ? result : orFallback(method, method.fallback, args, result)
}

function send(method: CompiledMethod, bound: BoundCall): Promise<unknown> {
  return method.interceptors.length === 0 ? new Call(method, bound, method.judge).start() : throughLayers(method, bound)
}

function throughBreaker(method: CompiledMethod, breaker: Breaker, bound: BoundCall): Promise<unknown> {
  return breaker.execute(
    () => send(method, bound),
    () => {
      const why = 'the circuit of this service is open after too many failures; nothing was sent'
      const facts = { service: method.service, method: method.verb, url: bound.path, attempts: 0 }
      return callError('SIDECAR_CIRCUIT_OPEN', why, facts)
    },
  )
}

async function throughLayers(method: CompiledMethod, bound: BoundCall): Promise<unknown> {
  let last: Call | undefined
  const finish = (answer: RawAnswer) => toResponse(answer, method.json)
  const core = (request: FeignRequest): Promise<FeignResponse> => {
    last = new Call(method, toBound(method, request), finish)
    return last.start() as Promise<FeignResponse>
  }
  const response = (await onion(method.interceptors, core)(toRequest(method, bound))) as FeignResponse | undefined
  if (typeof response?.status !== 'number') throw misused(method, unanswered())
  // An interceptor may have answered by itself: then there is no call to speak for, and a bare one does.
  const answer = last ?? new Call(method, bound, finish)
  answer.status = response.status
  if (response.status === 404 && method.decode404) return undefined
  if (!isGood(response.status)) throw badStatus(answer, response.body)
  if (method.verb === 'HEAD') return { status: response.status, headers: response.headers }
  if (response.status === NOT_MODIFIED) return undefined
  return refine(method, answer, response.body)
}

/** A forgotten `return`, mostly. */
function unanswered(): SidecarError {
  return new SidecarError('SIDECAR_CLIENT_INVALID', 'an interceptor returned no response: `return next(request)`')
}

function toRequest(method: CompiledMethod, { path, headers, body, signal, timeoutMs }: BoundCall): FeignRequest {
  return { service: method.service, method: method.verb, path, headers: toRecord(headers), body, signal, timeoutMs }
}

/** Checked again: an interceptor's path and headers are as little trusted as a caller's. */
function toBound(method: CompiledMethod, { path, headers, body, signal, timeoutMs }: FeignRequest): BoundCall {
  if (!/^\/(?!\/)[\x21-\x7e]*$/.test(path) || /(^|\/)\.{1,2}(\/|$)/.test(path.split('?', 1)[0]!)) {
    throw misused(
      method,
      new SidecarError(
        'SIDECAR_CALL_INVALID',
        `an interceptor asks for ${JSON.stringify(maskUrl(path))}, which is no absolute path`,
      ),
    )
  }
  try {
    const limit = timeoutMs === undefined ? undefined : timeLimit(timeoutMs)
    return { path, headers: flattenHeaders(headers), body, signal, timeoutMs: limit }
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

async function orFallback(
  method: CompiledMethod,
  fallback: FallbackFunction,
  args: readonly unknown[],
  result: Promise<unknown>,
) {
  try {
    return await result
  } catch (error) {
    const ours =
      error instanceof SidecarError && error.code !== 'SIDECAR_CALL_INVALID' && error.code !== 'SIDECAR_CALL_ABORTED'
    if (!ours) throw error
    return fallback(error, { method: method.property, args })
  }
}

function misused(method: CompiledMethod, error: unknown): unknown {
  if (!(error instanceof SidecarError)) return error
  const url = method.template.source
  const facts = { service: method.service, method: method.verb, url, attempts: 0 }
  return new FeignError(
    error.code,
    `${method.verb} of ${method.service} ${url} (${method.property}): ${error.message}`,
    facts,
  )
}
