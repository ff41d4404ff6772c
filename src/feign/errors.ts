import type { Attempts } from '../calls/attempts.js'
import { defineErrorClass, SidecarError, type SidecarErrorCode } from '../errors.js'
import type { ServiceInstance } from '../types.js'
import { originOf } from '../instance.js'
import { isSecretParameter } from '../util/secrets.js'

/** What is known of the call that failed. */
export interface CallFacts {
  /** Logical name of the service, or the fixed base URL. */
  readonly service: string
  readonly method: string
  /** The URL called, or the path where no instance was chosen; values of sensitive query names are masked. */
  readonly url: string
  /** The instance of the last attempt. */
  readonly instance?: ServiceInstance | undefined
  /** Requests begun, the last one included; 0 where none was. */
  readonly attempts: number
  /** Of the answer, where there was one. */
  readonly status?: number | undefined
  /** Decoded body of the answer, where there was one. */
  readonly body?: unknown
}

/**
 * A call through a typed client that failed.
 *
 * - `SIDECAR_CALL_STATUS`: the answer was not 2xx, or its envelope said no (`unwrap`)
 * - `SIDECAR_CALL_BODY`: the answer could not be read: not JSON, too large, refused by `validate`
 * - `SIDECAR_CALL_TIMEOUT`, `SIDECAR_CALL_ABORTED`: the deadline passed, the signal fired
 * - `SIDECAR_CALL_FAILED`: no connection, or it broke
 * - `SIDECAR_NO_INSTANCE`: no instance to call
 * - `SIDECAR_CIRCUIT_OPEN`: refused by the circuit breaker; nothing was sent
 * - `SIDECAR_CALL_INVALID`: the arguments do not fit the call; nothing was sent
 *
 * @example
 * try { return await users.getUser({ id }) } catch (error) {
 *   if (error instanceof FeignError && error.status === 409) …
 * }
 */
export class FeignError extends SidecarError implements CallFacts {
  readonly service: string
  readonly method: string
  readonly url: string
  readonly instance: ServiceInstance | undefined
  readonly attempts: number
  readonly status: number | undefined
  readonly body: unknown

  constructor(code: SidecarErrorCode, message: string, facts: CallFacts, options?: { cause?: unknown }) {
    super(code, message, options)
    this.service = facts.service
    this.method = facts.method
    this.url = facts.url
    this.instance = facts.instance
    this.attempts = facts.attempts
    this.status = facts.status
    this.body = facts.body
  }
}
defineErrorClass(FeignError, 'FeignError', 'nacos-sidecar.feign-error')

/** The `FeignError` of a call, its URL masked and its message telling where, on which attempt and why. */
export function callError(code: SidecarErrorCode, why: string, facts: CallFacts, cause?: unknown): FeignError {
  const url = maskUrl(facts.url)
  const where = url.startsWith('/') ? ` ${url}` : ` at ${url}`
  const times = facts.attempts > 1 ? `, attempt ${facts.attempts}` : ''
  const message = `${facts.method} of ${facts.service}${where}${times}: ${why}`
  return new FeignError(code, message, { ...facts, url }, cause === undefined ? undefined : { cause })
}

/** Makes the errors of one call. */
export interface CallErrors {
  fail(code: SidecarErrorCode, why: string, body?: unknown, cause?: unknown): FeignError
}

export function timedOut(call: CallErrors, timeoutMs: number): FeignError {
  return call.fail('SIDECAR_CALL_TIMEOUT', `not done within timeoutMs, ${timeoutMs} ms`)
}

export function aborted(call: CallErrors, reason: unknown): FeignError {
  return call.fail('SIDECAR_CALL_ABORTED', 'its signal was aborted', undefined, reason)
}

/** Why a call failed. */
export interface CallFailure {
  readonly code: SidecarErrorCode
  readonly why: string
  readonly body?: unknown
  readonly cause?: unknown
}

/**
 * The error of a call of `method`.
 *
 * @param attempts `undefined` where none was begun
 * @param status of the response; 0 where there is none
 */
export function callFailed(
  method: { readonly service: string; readonly verb: string; readonly origin: string | undefined },
  path: string,
  attempts: Pick<Attempts, 'count' | 'endpoint'> | undefined,
  status: number,
  { code, why, body, cause }: CallFailure,
): FeignError {
  const instance = attempts?.endpoint?.instance
  const { service, verb } = method
  const url = ((instance ? originOf(instance) : method.origin) ?? '') + path
  const facts = {
    service,
    method: verb,
    url,
    instance,
    attempts: attempts?.count ?? 0,
    status: status || undefined,
    body,
  }
  return callError(code, why, facts, cause)
}

/** A path or URL fit for logs and errors: values of sensitive query names are masked. */
export function maskUrl(url: string): string {
  const at = url.indexOf('?')
  if (at < 0) return url
  const masked = url
    .slice(at + 1)
    .split('&')
    .map((pair) => {
      const name = pair.split('=', 1)[0]!
      return pair.includes('=') && isSecretParameter(name) ? `${name}=***` : pair
    })
  return `${url.slice(0, at)}?${masked.join('&')}`
}
