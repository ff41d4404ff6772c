import { plainRecord } from '../instance.js'

/**
 * The one message of Nacos's gRPC: a type word, headers, and a JSON body.
 *
 *     Payload  { Metadata metadata = 2; google.protobuf.Any body = 3 }
 *     Metadata { string type = 3; string clientIp = 8; map<string, string> headers = 7 }
 *     Any      { string type_url = 1; bytes value = 2 }
 */
export interface Payload {
  readonly type: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON in UTF-8. */
  readonly body: Buffer
}

const PAYLOAD_METADATA = 2
const PAYLOAD_BODY = 3
const METADATA_TYPE = 3
const METADATA_HEADERS = 7
const ANY_VALUE = 2
const ENTRY_KEY = 1
const ENTRY_VALUE = 2

export function encodePayload({ type, headers, body }: Payload): Buffer {
  const entries = Object.entries(headers).map(([key, value]) =>
    field(METADATA_HEADERS, Buffer.concat([textField(ENTRY_KEY, key), textField(ENTRY_VALUE, value)])),
  )
  const metadata = Buffer.concat([textField(METADATA_TYPE, type), ...entries])
  return Buffer.concat([field(PAYLOAD_METADATA, metadata), field(PAYLOAD_BODY, field(ANY_VALUE, body))])
}

/** @throws Error where the bytes are no such message. */
export function decodePayload(bytes: Buffer): Payload {
  let type = ''
  let body: Buffer = Buffer.alloc(0)
  const headers: [string, string][] = []
  for (const [number, value] of fields(bytes)) {
    if (number === PAYLOAD_METADATA) {
      for (const [part, content] of fields(value)) {
        if (part === METADATA_TYPE) type = content.toString('utf8')
        else if (part === METADATA_HEADERS) headers.push(entryOf(content))
      }
    } else if (number === PAYLOAD_BODY) {
      for (const [part, content] of fields(value)) if (part === ANY_VALUE) body = content
    }
  }
  return { type, headers: plainRecord(headers), body }
}

function entryOf(bytes: Buffer): [string, string] {
  const entry: [string, string] = ['', '']
  for (const [part, content] of fields(bytes)) {
    if (part === ENTRY_KEY) entry[0] = content.toString('utf8')
    else if (part === ENTRY_VALUE) entry[1] = content.toString('utf8')
  }
  return entry
}

const WIRE_VARINT = 0
const WIRE_FIXED64 = 1
const WIRE_BYTES = 2
const WIRE_FIXED32 = 5

/** The length-delimited fields of a message; others are of a later version and skipped. */
function* fields(bytes: Buffer): Generator<[number: number, value: Buffer]> {
  let at = 0
  const varint = () => {
    let value = 0
    // Ten bytes hold any 64-bit number; none that is used here comes near the precision of a double.
    for (let shift = 0; shift < 10; shift++) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('Payload is cut short.')
      value += (byte & 0x7f) * 2 ** (7 * shift)
      if (byte < 0x80) return value
    }
    throw new Error('Payload holds a number that is too long.')
  }
  const take = (length: number) => {
    const end = at + length
    if (end > bytes.length) throw new Error('Payload is cut short.')
    const value = bytes.subarray(at, end)
    at = end
    return value
  }
  while (at < bytes.length) {
    const tag = varint()
    const wire = tag % 8
    if (wire === WIRE_BYTES) yield [Math.floor(tag / 8), take(varint())]
    else if (wire === WIRE_VARINT) varint()
    else if (wire === WIRE_FIXED64) take(8)
    else if (wire === WIRE_FIXED32) take(4)
    else throw new Error(`Payload holds wire type ${wire}, which no proto3 message has.`)
  }
}

function field(number: number, value: Buffer): Buffer {
  return Buffer.concat([varintOf(number * 8 + WIRE_BYTES), varintOf(value.length), value])
}

// proto3 leaves out what is empty.
function textField(number: number, text: string): Buffer {
  return text === '' ? Buffer.alloc(0) : field(number, Buffer.from(text, 'utf8'))
}

function varintOf(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}
