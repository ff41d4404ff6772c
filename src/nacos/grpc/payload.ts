/**
 * The single message type of Nacos over gRPC, coded by hand: a type name, some headers, and JSON bytes.
 *
 *   Payload  { Metadata metadata = 2; Any body = 3 }
 *   Metadata { string type = 3; map<string, string> headers = 7; string clientIp = 8 }
 *   Any      { string type_url = 1; bytes value = 2 }
 */
export interface Payload {
  /** The Java class name of the message, such as `SubscribeServiceRequest`. */
  readonly type: string
  readonly clientIp: string
  /** Without a prototype: a header called `__proto__` is only a header. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON in UTF-8. */
  readonly body: Buffer
}

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

export function encodePayload(payload: {
  type: string
  body: Buffer
  clientIp?: string
  headers?: Readonly<Record<string, string>>
}): Buffer {
  const metadata = [text(3, payload.type)]
  for (const [key, value] of Object.entries(payload.headers ?? {})) {
    metadata.push(bytes(7, Buffer.concat([text(1, key), text(2, value)])))
  }
  if (payload.clientIp) metadata.push(text(8, payload.clientIp))
  return Buffer.concat([bytes(2, Buffer.concat(metadata)), bytes(3, bytes(2, payload.body))])
}

/** Throws a plain `Error` on anything that is not a whole message; fields it does not know are skipped. */
export function decodePayload(message: Buffer): Payload {
  const headers = Object.create(null) as Record<string, string>
  let type = ''
  let clientIp = ''
  let body: Buffer = Buffer.alloc(0)
  eachField(message, (field, value) => {
    if (field === 2) {
      eachField(value, (inner, content) => {
        if (inner === 3) type = content.toString('utf8')
        else if (inner === 8) clientIp = content.toString('utf8')
        else if (inner === 7) {
          const entry = { key: '', value: '' }
          eachField(content, (part, written) => {
            if (part === 1) entry.key = written.toString('utf8')
            else if (part === 2) entry.value = written.toString('utf8')
          })
          headers[entry.key] = entry.value
        }
      })
    } else if (field === 3) {
      eachField(value, (inner, content) => {
        if (inner === 2) body = content
      })
    }
  })
  return { type, clientIp, headers, body }
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value, 'utf8'))
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | BYTES), varint(value.length), value])
}

function varint(value: number): Buffer {
  const out: number[] = []
  // Division, not shifts: a length may pass 31 bits.
  while (value >= 0x80) {
    out.push((value % 0x80) | 0x80)
    value = Math.floor(value / 0x80)
  }
  out.push(value)
  return Buffer.from(out)
}

/** Calls back for every length-delimited field; steps over the others. */
function eachField(message: Buffer, visit: (field: number, value: Buffer) => void): void {
  let at = 0
  const readVarint = (): number => {
    let value = 0
    let unit = 1
    for (let count = 0; count < 10; count++) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('protobuf: the message ends inside a number')
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
      unit *= 0x80
    }
    throw new Error('protobuf: a number of more than 10 bytes')
  }
  const skip = (length: number): number => {
    const start = at
    at += length
    if (at > message.length) throw new Error('protobuf: the message ends inside a field')
    return start
  }
  while (at < message.length) {
    const tag = readVarint()
    const wire = tag & 7
    if (wire === BYTES) {
      const start = skip(readVarint())
      visit(Math.floor(tag / 8), message.subarray(start, at))
    } else if (wire === VARINT) readVarint()
    else if (wire === FIXED64) skip(8)
    else if (wire === FIXED32) skip(4)
    else throw new Error(`protobuf: wire type ${wire} is not used by this message`)
  }
}
