import { messageOf } from '../errors.js'
import { issuesText, type StandardSchema } from '../util/standard-schema.js'
import type { CallErrors } from './errors.js'
import { decodeBody, decodeLeniently, type JsonCodec } from './decode.js'
import type { FeignResponse } from './interceptor.js'
import type { UnwrapOptions } from './options.js'
import { unwrapEnvelope } from './unwrap.js'

/** What HEAD calls return. */
export interface HeadResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

/** What the value of a call depends on, beside the response. */
export interface ResponseRules {
  readonly verb: string
  readonly result: 'body' | 'response'
  readonly decode404: boolean
  readonly unwrap: UnwrapOptions | undefined
  readonly validate: StandardSchema | undefined
  readonly json: JsonCodec
}

/** The response of a call: one that came over a connection, or that interceptors returned. */
export interface Answer extends CallErrors {
  readonly status: number
  /** Names in lower case. */
  headers(): FeignResponse['headers']
  /** Decoded. @throws FeignError `SIDECAR_CALL_BODY` where it is a success and cannot be decoded */
  body(): unknown
  /** All of it. */
  whole(): FeignResponse
}

/** Turns the response of a call into its value, or throws the `FeignError`. Made once a method. */
export function createResponseReader(rules: ResponseRules): (answer: Answer) => unknown {
  const { verb, result, decode404, unwrap, validate } = rules
  const plain = unwrap === undefined && validate === undefined
  if (result === 'response') {
    return (answer) => {
      const response = answer.whole()
      const { status } = response
      const keep = plain || !isSuccess(status) || status === NOT_MODIFIED || verb === 'HEAD'
      return keep ? response : withBody(response, unwrapAndValidate(rules, answer, response.body))
    }
  }
  return (answer) => {
    const { status } = answer
    if (status === 404 && decode404) return undefined
    if (!isSuccess(status)) throw statusError(answer)
    if (verb === 'HEAD') return { status, headers: answer.headers() } satisfies HeadResponse
    if (status === NOT_MODIFIED) return undefined
    return plain ? answer.body() : unwrapAndValidate(rules, answer, answer.body())
  }
}

/**
 * Decodes a body by its content type. A response that is an error is decoded as far as it can be.
 *
 * @throws FeignError `SIDECAR_CALL_BODY` for a success that cannot be decoded
 */
export function readBody(
  answer: Pick<Answer, 'status' | 'fail'>,
  bytes: Buffer | undefined,
  contentType: string | undefined,
  json: JsonCodec,
): unknown {
  if (!isSuccess(answer.status)) return decodeLeniently(bytes, contentType, json)
  try {
    return decodeBody(bytes, contentType, json)
  } catch (error) {
    const raw = bytes?.toString('utf8')
    const why = error instanceof SyntaxError ? 'is not the JSON it says it is' : 'cannot be read'
    throw answer.fail('SIDECAR_CALL_BODY', `the answer ${why}: ${messageOf(error)}`, raw, error)
  }
}

/** The response to a conditional request: the caller has the body already. */
const NOT_MODIFIED = 304

function isSuccess(status: number): boolean {
  return (status >= 200 && status <= 299) || status === NOT_MODIFIED
}

function statusError(answer: Answer): Error {
  const { status } = answer
  const hint = status >= 300 && status <= 399 ? ' (redirects are not followed)' : ''
  return answer.fail('SIDECAR_CALL_STATUS', `answered ${status}${hint}`, answer.body())
}

function unwrapAndValidate(rules: ResponseRules, answer: CallErrors, value: unknown): unknown {
  let result = value
  if (rules.unwrap !== undefined) {
    const unwrapped = unwrapEnvelope(value, rules.unwrap)
    if (!unwrapped.ok) throw answer.fail('SIDECAR_CALL_STATUS', `the answer says ${unwrapped.reason}`, value)
    result = unwrapped.data
  }
  return rules.validate === undefined ? result : validated(rules.validate, answer, result)
}

async function validated(schema: StandardSchema, answer: CallErrors, value: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  const issues = issuesText(result.issues)
  throw answer.fail('SIDECAR_CALL_BODY', `the answer does not fit its schema: ${issues}`, value)
}

function withBody(response: FeignResponse, body: unknown): FeignResponse | Promise<FeignResponse> {
  return body instanceof Promise ? body.then((value: unknown) => ({ ...response, body: value })) : { ...response, body }
}
