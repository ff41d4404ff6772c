import { messageOf } from '../errors.js'
import type { Message } from './broker.js'
import { parseKombuJson } from './kombu-json.js'
import { tooLarge } from './largest-body.js'
import { invalid } from './names.js'

/** How data becomes the body of an event, and back. */
export interface EventCodec {
  /** Such as `application/msgpack`. */
  readonly contentType: string
  /** What it throws is an error of `emit`. */
  encode(data: unknown): Uint8Array | string
  /** What it throws sends the event to the dead letters. @param contentType as the sender has it */
  decode(body: Buffer, contentType: string): unknown
}

export type Body = Pick<Message, 'body' | 'contentType'>

/** JSON, as Nameko has it. Bytes and text of other content types stay what they are. */
export const JSON_CODEC: EventCodec = {
  contentType: 'application/json',
  encode: (data) => JSON.stringify(data),
  decode(body, contentType) {
    const media = contentType.split(';', 1)[0]!.trim().toLowerCase()
    if (media === '' || media === 'application/json' || media.endsWith('+json')) return parseKombuJson(textOf(body))
    return media.startsWith('text/') ? textOf(body) : body
  },
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Not with U+FFFD for what is no UTF-8: a handler would store it. */
function textOf(body: Buffer): string {
  return utf8.decode(body)
}

/**
 * @param contentType of bytes and text that are sent as they are
 * @throws SidecarError `SIDECAR_EVENT_INVALID`
 */
export function encodeBody(
  where: string,
  data: unknown,
  codec: EventCodec,
  contentType: string | undefined,
  maxBytes: number,
): Body {
  const own = asWritten(data, contentType)
  if (contentType !== undefined && own === undefined)
    throw invalid(where, 'contentType is for data that is text, a Buffer or a Uint8Array')
  const body = own ?? { body: encoded(where, data, codec), contentType: codec.contentType }
  const why = tooLarge('the event', body.body, maxBytes)
  if (why !== undefined) throw invalid(where, why)
  return body
}

function asWritten(data: unknown, contentType: string | undefined): Body | undefined {
  if (data instanceof Uint8Array) return { body: bytes(data), contentType: contentType ?? 'application/octet-stream' }
  return typeof data === 'string' && contentType !== undefined ? { body: Buffer.from(data), contentType } : undefined
}

function encoded(where: string, data: unknown, codec: EventCodec): Buffer {
  if (data === undefined) throw invalid(where, 'the data is undefined; an event without data has null or {}')
  let body: unknown
  try {
    body = codec.encode(data)
  } catch (error) {
    throw invalid(where, `the data cannot be written as ${codec.contentType}: ${messageOf(error)}`)
  }
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return bytes(body)
  throw invalid(where, `the data cannot be written as ${codec.contentType}: a ${typeof data} has no such form`)
}

/** A copy: what the app does with its bytes afterwards is not sent. */
const bytes = (data: Uint8Array) => Buffer.from(data)
