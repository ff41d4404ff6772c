import { Status, StatusError } from './status.js'

/** gRPC's framing on an HTTP/2 stream: one byte that is 1 if the message is compressed, its length in four, the message. */
const HEAD_BYTES = 5

export interface FrameReader {
  /** Takes what came in, and hands over the messages it completes. Throws a `StatusError`. */
  read(chunk: Buffer): Buffer[]
  /** True inside a message. */
  readonly partial: boolean
}

/** @throws StatusError RESOURCE_EXHAUSTED */
export function frame(message: Buffer, maxMessageBytes: number): Buffer {
  if (message.length > maxMessageBytes) throw tooLarge(message.length, maxMessageBytes)
  const framed = Buffer.allocUnsafe(HEAD_BYTES + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  message.copy(framed, HEAD_BYTES)
  return framed
}

export function createFrameReader(maxMessageBytes: number): FrameReader {
  // A large message comes in many chunks: they are joined once, at its end.
  let chunks: Buffer[] = []
  let held = 0
  let needed = HEAD_BYTES
  let inHead = true

  const take = (): Buffer => {
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, held)
    const rest = all.subarray(needed)
    chunks = rest.length > 0 ? [rest] : []
    held = rest.length
    return all.subarray(0, needed)
  }

  return {
    read(chunk) {
      const messages: Buffer[] = []
      chunks.push(chunk)
      held += chunk.length
      while (held >= needed) {
        const taken = take()
        if (inHead) {
          if (taken[0] !== 0) throw new StatusError(Status.INTERNAL, 'the message is compressed, which was not offered')
          needed = taken.readUInt32BE(1)
          if (needed > maxMessageBytes) throw tooLarge(needed, maxMessageBytes)
        } else {
          messages.push(taken)
          needed = HEAD_BYTES
        }
        inHead = !inHead
      }
      return messages
    },
    get partial() {
      return !inHead || held > 0
    },
  }
}

function tooLarge(bytes: number, maxMessageBytes: number): StatusError {
  return new StatusError(Status.RESOURCE_EXHAUSTED, `a message of ${bytes} bytes, the limit is ${maxMessageBytes}`)
}
