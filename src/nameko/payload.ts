import { SidecarError, messageOf } from '../errors.js'
import { toJsonValue } from '../feign/json-value.js'
import { parseKombuJson } from '../messaging/kombu-json.js'
import { tooLarge } from '../messaging/largest-body.js'
import { isObject } from '../util/is-object.js'
import { ownError, remoteErrorOf, wireErrorOf } from './errors.js'

/** Arguments of a call, as Python has them. */
export interface NamekoArguments {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** What says how a body is read. */
export interface ReceivedBody {
  readonly content: Buffer
  readonly contentType: unknown
  /** Above it the content is not read. */
  readonly maxBytes: number
}

/**
 * @param where `{service}.{method}`
 * @throws SidecarError `SIDECAR_CALL_INVALID` for what JSON cannot hold, and for more than `maxBytes`
 */
export function encodeRequest(where: string, { args, kwargs }: NamekoArguments, maxBytes: number): Buffer {
  const body = written(where, { args, kwargs })
  const why = tooLarge('the request', body, maxBytes)
  if (why !== undefined) throw new SidecarError('SIDECAR_CALL_INVALID', `${where}: ${why}`)
  return body
}

function written(where: string, { args, kwargs }: NamekoArguments): Buffer {
  try {
    return Buffer.from(JSON.stringify({ args: args.map(toJsonValue), kwargs: toJsonValue(kwargs) }))
  } catch (error) {
    throw new SidecarError('SIDECAR_CALL_INVALID', `${where}: the arguments are no JSON: ${messageOf(error)}`)
  }
}

/** @throws NamekoRemoteError `MalformedRequest` */
export function decodeRequest(body: ReceivedBody): NamekoArguments {
  const { args, kwargs } = fieldsOf('the request', body)
  if (args === undefined || kwargs === undefined) throw malformed('Message missing `args` or `kwargs`')
  if (!Array.isArray(args)) throw malformed('`args` is no list')
  if (!isObject(kwargs)) throw malformed('`kwargs` is no mapping')
  return { args, kwargs }
}

/** The reply to a call that has returned; where JSON cannot hold the result, or it has more than `maxBytes`, that it cannot. */
export function encodeResult(result: unknown, maxBytes: number): Buffer {
  try {
    if (typeof result === 'function' || typeof result === 'symbol') throw new TypeError(`a ${typeof result}`)
    const body = reply(toJsonValue(result) ?? null, null)
    // A broker that refuses it would be sent it again and again.
    const why = tooLarge('the reply', body, maxBytes)
    if (why !== undefined) throw new RangeError(why)
    return body
  } catch (error) {
    return encodeError(
      ownError('UnserializableValueError', `Unserializable value: ${messageOf(error)}`, { excArgs: [] }),
    )
  }
}

/** The reply to a call that has failed. */
export function encodeError(error: unknown): Buffer {
  return reply(null, wireErrorOf(error))
}

/**
 * The result of a call.
 *
 * @param where `{service}.{method}`
 * @throws NamekoRemoteError `SIDECAR_NAMEKO_REMOTE`; SidecarError `SIDECAR_CALL_BODY` for what is no reply
 */
export function decodeReply(where: string, body: ReceivedBody): unknown {
  const { result, error } = replyOf(where, body)
  if (error !== undefined && error !== null) throw remoteErrorOf(error, where)
  return result
}

function replyOf(where: string, body: ReceivedBody): Record<string, unknown> {
  try {
    return fieldsOf('the reply', body)
  } catch (error) {
    throw new SidecarError('SIDECAR_CALL_BODY', `${where}: the reply cannot be read: ${messageOf(error)}`)
  }
}

function reply(result: unknown, error: unknown): Buffer {
  return Buffer.from(JSON.stringify({ result, error }))
}

function fieldsOf(what: string, { content, contentType, maxBytes }: ReceivedBody): Record<string, unknown> {
  const why = tooLarge(what, content, maxBytes)
  if (why !== undefined) throw malformed(why)
  // Pickle runs code, and the other serializers of kombu are packages of their own.
  if (contentType !== 'application/json') throw malformed(`expected application/json, got ${String(contentType)}`)
  let body: unknown
  try {
    body = parseKombuJson(content.toString())
  } catch (error) {
    throw malformed(`the body is no JSON: ${messageOf(error)}`)
  }
  if (!isObject(body)) throw malformed('the body is no mapping')
  return body
}

const malformed = (text: string) => ownError('MalformedRequest', text)
