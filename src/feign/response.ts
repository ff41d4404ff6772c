import { messageOf } from '../errors.js'
import type { RawResponse } from './raw-response.js'
import { decodeBody, decodeLeniently } from './decode.js'
import type { FeignError } from './errors.js'
import type { FeignResponse } from './interceptor.js'
import type { JsonCodec } from './json.js'
import type { CompiledMethod } from './method-spec.js'
import { issueText, type StandardSchema } from '../util/standard-schema.js'
import { unwrapEnvelope } from './unwrap.js'

/** What a HEAD call gives. */
export interface HeadResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** Makes the value of a call of its answer, or throws the `FeignError`. Made once a method. */
export function createResponseReader(
  method: Pick<CompiledMethod, 'verb' | 'result' | 'decode404' | 'unwrap' | 'validate' | 'json'>,
): (answer: RawResponse) => unknown {
  const { verb, result, decode404, unwrap, validate, json } = method
  if (result === 'response') return (answer) => unwrapAndValidateResponse(method, answer, toResponse(answer, json))
  return (answer) => {
    const { status } = answer
    if (status === 404 && decode404) return undefined
    if (!isSuccess(status)) throw statusError(answer, decodeLeniently(answer.bytes, answer.contentType, json))
    if (verb === 'HEAD') return { status, headers: answer.headers() } satisfies HeadResponse
    if (status === NOT_MODIFIED) return undefined
    const value = read(answer, json)
    return unwrap === undefined && validate === undefined ? value : unwrapAndValidate(method, answer, value)
  }
}

/** The answer as interceptors see it. */
export function toResponse(answer: RawResponse, json: JsonCodec): FeignResponse {
  const { status, instance, attempts } = answer
  const body = isSuccess(status) ? read(answer, json) : decodeLeniently(answer.bytes, answer.contentType, json)
  return { status, headers: answer.headers(), body, instance, attempts }
}

/** The answer to a conditional request whose caller has the body already. */
export const NOT_MODIFIED = 304

export function isSuccess(status: number): boolean {
  return (status >= 200 && status <= 299) || status === NOT_MODIFIED
}

/** What follows decoding, shared by the plain path and the one through interceptors. */
export function unwrapAndValidate(
  method: Pick<CompiledMethod, 'unwrap' | 'validate'>,
  answer: Pick<RawResponse, 'fail'>,
  value: unknown,
): unknown {
  let result = value
  if (method.unwrap !== undefined) {
    const unwrapped = unwrapEnvelope(value, method.unwrap)
    if (!unwrapped.ok) throw answer.fail('SIDECAR_CALL_STATUS', `the answer says ${unwrapped.reason}`, value)
    result = unwrapped.data
  }
  return method.validate === undefined ? result : validated(method.validate, answer, result)
}

/** A whole answer, its body unwrapped and validated where it is a good one. */
export function unwrapAndValidateResponse(
  method: Pick<CompiledMethod, 'verb' | 'unwrap' | 'validate'>,
  answer: Pick<RawResponse, 'fail'>,
  response: FeignResponse,
): FeignResponse | Promise<FeignResponse> {
  const { status } = response
  const plain = method.unwrap === undefined && method.validate === undefined
  if (plain || !isSuccess(status) || status === NOT_MODIFIED || method.verb === 'HEAD') return response
  const body = unwrapAndValidate(method, answer, response.body)
  return body instanceof Promise ? body.then((value: unknown) => ({ ...response, body: value })) : { ...response, body }
}

export function statusError(answer: Pick<RawResponse, 'status' | 'fail'>, body: unknown): FeignError {
  const hint = answer.status >= 300 && answer.status <= 399 ? ' (redirects are not followed)' : ''
  return answer.fail('SIDECAR_CALL_STATUS', `answered ${answer.status}${hint}`, body)
}

function read(answer: RawResponse, json: JsonCodec): unknown {
  try {
    return decodeBody(answer.bytes, answer.contentType, json)
  } catch (error) {
    const raw = answer.bytes?.toString('utf8')
    const why = error instanceof SyntaxError ? 'is not the JSON it says it is' : 'cannot be read'
    throw answer.fail('SIDECAR_CALL_BODY', `the answer ${why}: ${messageOf(error)}`, raw, error)
  }
}

async function validated(schema: StandardSchema, answer: Pick<RawResponse, 'fail'>, value: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, 5).map(issueText).join('; ')
  throw answer.fail('SIDECAR_CALL_BODY', `the answer does not fit its schema: ${issues}`, value)
}
