import { Readable } from 'node:stream'
import { messageOf } from '../errors.js'
import type { JsonCodec } from './json.js'
import { encodeFields } from './query.js'
import { refuseCall } from './refuse-call.js'

/** A body as undici sends it. */
export type WireBody = string | Buffer | Uint8Array | Readable

export interface EncodedBody {
  readonly body: WireBody
  /** Sent unless the call's own headers name one. */
  readonly contentType: string | undefined
  /** No header may say another: it holds the boundary of the parts. */
  readonly partsType?: boolean
  /** True where the body can be sent once only. */
  readonly oneShot: boolean
}

const JSON_TYPE = 'application/json'
const BYTES_TYPE = 'application/octet-stream'
const FORM_TYPE = /^\s*application\/x-www-form-urlencoded\b/i

/**
 * JSON, but for what is a body by itself: `FormData`, `URLSearchParams`, `Blob`, bytes and streams. A string is JSON
 * too, unless the call names another content type; an object is a form where that is what the call names.
 */
export function encodeBody(value: unknown, contentType: string | undefined, json: JsonCodec): EncodedBody {
  if (typeof value === 'object' && value !== null) {
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
    if (value instanceof FormData || value instanceof Blob) {
      // Node's own Response knows how to write both; undici's package knows its own FormData only.
      const response = new Response(value)
      return {
        body: Readable.fromWeb(response.body!),
        contentType: response.headers.get('content-type') ?? BYTES_TYPE,
        oneShot: true,
        ...(value instanceof FormData && { partsType: true }),
      }
    }
    if (value instanceof Readable) return { body: value, contentType: BYTES_TYPE, oneShot: true }
    if (isAsyncIterable(value))
      return { body: Readable.from(value, { objectMode: false }), contentType: BYTES_TYPE, oneShot: true }
    if (contentType !== undefined && FORM_TYPE.test(contentType) && !Array.isArray(value))
      return { body: encodeFields(value, 'form'), contentType, oneShot: false }
  }
  if (typeof value === 'string' && contentType !== undefined && !/\bjson\b/i.test(contentType)) {
    return { body: value, contentType, oneShot: false }
  }
  return { body: stringify(value, json), contentType: JSON_TYPE, oneShot: false }
}

/** True for what goes out as it is, and so is never taken for an argument object. */
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

function isAsyncIterable(value: object): value is AsyncIterable<Uint8Array> {
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
}

function stringify(value: unknown, json: JsonCodec): string {
  let text: string | undefined
  try {
    text = json.stringify(value)
  } catch (error) {
    return refuseCall(`The body cannot be written as JSON: ${messageOf(error)}`)
  }
  return text ?? refuseCall(`The body is a ${typeof value}, which JSON cannot hold`)
}
