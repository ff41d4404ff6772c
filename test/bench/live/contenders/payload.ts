/** A message as Nacos wraps it: a type and JSON, in the one protobuf shape of its whole protocol. */
export interface Message {
  readonly type: string
  readonly body: object
}

// message Metadata { string type = 3; … }  message Payload { Metadata metadata = 2; google.protobuf.Any body = 3; }

export function encodePayload({ type, body }: Message): Buffer {
  const metadata = field(3, Buffer.from(type))
  const any = field(2, Buffer.from(JSON.stringify(body)))
  return Buffer.concat([field(2, metadata), field(3, any)])
}

export function decodePayload(bytes: Buffer): Message {
  const payload = fieldsOf(bytes)
  const type = fieldsOf(payload.get(2)!).get(3)!.toString()
  const json = fieldsOf(payload.get(3)!).get(2)
  return { type, body: json ? (JSON.parse(json.toString()) as object) : {} }
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return Buffer.from([...bytes, value])
}

/** Every field is of the kind that has a length. */
function fieldsOf(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>()
  let at = 0
  const next = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const number = next() >>> 3
    const length = next()
    fields.set(number, bytes.subarray(at, (at += length)))
  }
  return fields
}
