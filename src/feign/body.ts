import { PassThrough, Readable } from 'node:stream'
import { messageOf } from '../errors.js'
import type { JsonCodec } from './decode.js'
import { toJsonValue } from './json-value.js'
import { encodeForm, isFormLike } from './multipart.js'
import { encodeFields } from './query.js'
import { asInvalidCall, throwInvalidCall } from './invalid-call.js'
import { checkUnread, isAsyncIterable, isNodeStream, type NodeStream } from './streams.js'

/** A body as undici sends it. */
export type WireBody = string | Buffer | Uint8Array | Readable

export interface EncodedBody {
  readonly body: WireBody
  /** Sent unless the call's own headers name one. */
  readonly contentType: string | undefined
  /** No header may override it: it holds the boundary of the parts. */
  readonly partsType?: boolean
  /** Of a stream, where it is known. */
  readonly length?: number
  /** Makes the stream anew, for another attempt. */
  readonly again?: () => Readable
  /** True where the body can be sent once only. */
  readonly oneShot: boolean
}

const JSON_TYPE = 'application/json'
const BYTES_TYPE = 'application/octet-stream'
const FORM_TYPE = /^\s*application\/x-www-form-urlencoded\b/i

/**
 * JSON, but for what is a body by itself: forms, `URLSearchParams`, `Blob`, bytes, streams and the `Response` of
 * another call. A string is JSON too, unless the call names another content type; an object is a form where that is
 * what the call names.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID` for what cannot be sent as it is meant
 */
export function encodeBody(value: unknown, contentType: string | undefined, json: JsonCodec): EncodedBody {
  try {
    return encode(value, contentType, json)
  } catch (error) {
    throw asInvalidCall(error)
  }
}

function encode(value: unknown, contentType: string | undefined, json: JsonCodec): EncodedBody {
  if (typeof value === 'object' && value !== null) {
    const own = encodeOwn(value)
    if (own !== undefined) return own
    const plain = toJsonValue(value) as object
    if (contentType !== undefined && FORM_TYPE.test(contentType) && !Array.isArray(plain))
      return { body: encodeFields(plain, 'form'), contentType, oneShot: false }
    return { body: stringify(plain, json), contentType: JSON_TYPE, oneShot: false }
  }
  if (typeof value === 'string' && contentType !== undefined && !/\bjson\b/i.test(contentType)) {
    return { body: value, contentType, oneShot: false }
  }
  return { body: stringify(value, json), contentType: JSON_TYPE, oneShot: false }
}

/** What is a body by itself. */
function encodeOwn(value: object): EncodedBody | undefined {
  if (value instanceof Uint8Array) return { body: value, contentType: BYTES_TYPE, oneShot: false }
  if (value instanceof URLSearchParams) {
    return { body: value.toString(), contentType: 'application/x-www-form-urlencoded;charset=UTF-8', oneShot: false }
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    const bytes = ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : Buffer.from(value)
    return { body: bytes, contentType: BYTES_TYPE, oneShot: false }
  }
  if (value instanceof Blob) return ofBlob(value)
  if (isFormLike(value)) return { ...ofBlob(encodeForm(value)), partsType: true }
  if (value instanceof Response || value instanceof Request) return ofAnswer(value)
  if (isNodeStream(value)) return ofStream(value)
  if (!isAsyncIterable(value)) return undefined
  checkUnread(value)
  return { body: Readable.from(value, { objectMode: false }), contentType: BYTES_TYPE, oneShot: true }
}

function ofBlob(blob: Blob): EncodedBody {
  const again = () => Readable.fromWeb(blob.stream() as never)
  return { body: again(), contentType: blob.type || BYTES_TYPE, length: blob.size, again, oneShot: false }
}

/** What another call answered, passed on. */
function ofAnswer(answer: Response | Request): EncodedBody {
  checkUnread(answer)
  const contentType = answer.headers.get('content-type') ?? BYTES_TYPE
  if (answer.body === null) return { body: '', contentType, oneShot: false }
  return { body: Readable.fromWeb(answer.body as never), contentType, oneShot: true }
}

/** npm form-data is one that knows its headers, and often its length. */
interface FormStream {
  getHeaders?(): Record<string, string>
  hasKnownLength?(): boolean
  getLengthSync?(): number
}

function ofStream(value: NodeStream): EncodedBody {
  checkUnread(value)
  const stream = value as unknown as Readable & FormStream
  const contentType = stream.getHeaders?.()['content-type']
  const length = contentType !== undefined && stream.hasKnownLength?.() ? stream.getLengthSync?.() : undefined
  const body = stream instanceof Readable ? stream : (stream as Readable).pipe(new PassThrough())
  return { body, contentType: contentType ?? BYTES_TYPE, partsType: contentType !== undefined, length, oneShot: true }
}

/** True for what is sent as it is, and so is never an argument object. */
export function isRawBody(value: object): boolean {
  return (
    value instanceof FormData ||
    value instanceof URLSearchParams ||
    value instanceof Blob ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value) ||
    isAsyncIterable(value)
  )
}

function stringify(value: unknown, json: JsonCodec): string {
  let text: string | undefined
  try {
    text = json.stringify(value)
  } catch (error) {
    return throwInvalidCall(`The body cannot be written as JSON: ${messageOf(error)}`)
  }
  return text ?? throwInvalidCall(`The body is a ${typeof value}, which JSON cannot hold`)
}
