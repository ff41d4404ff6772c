/** A message as gRPC puts it on an HTTP/2 stream: is it compressed (1 byte), how long is it (4 bytes), the message. */
const PREFIX_BYTES = 5

/** The statuses of gRPC that this server answers. */
export const GrpcStatus = { OK: 0, RESOURCE_EXHAUSTED: 8, UNIMPLEMENTED: 12, INTERNAL: 13 } as const

/** Ends a call with a status other than 0. */
export class GrpcFault extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

export function withPrefix(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Puts the messages of one stream together again, whatever pieces they come in. */
export class MessageAssembler {
  #pieces: Buffer[] = []
  #bytes = 0
  /** Of the message at the front, once its prefix is there. */
  #length: number | undefined

  constructor(private readonly maxBytes: number) {}

  /** The client has sent a part of a message. */
  get unfinished(): boolean {
    return this.#length !== undefined || this.#bytes > 0
  }

  /** @throws GrpcFault for a message that is compressed or too large */
  *add(piece: Buffer): Generator<Buffer> {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    for (;;) {
      if (this.#length === undefined) {
        const prefix = this.#cut(PREFIX_BYTES)
        if (!prefix) return
        if (prefix[0] !== 0) throw new GrpcFault(GrpcStatus.UNIMPLEMENTED, 'Compressed messages are not supported.')
        const length = prefix.readUInt32BE(1)
        if (length > this.maxBytes) {
          throw new GrpcFault(
            GrpcStatus.RESOURCE_EXHAUSTED,
            `A message of ${length} bytes exceeds the limit of ${this.maxBytes}.`,
          )
        }
        this.#length = length
      }
      const message = this.#cut(this.#length)
      if (!message) return
      this.#length = undefined
      yield message
    }
  }

  /** Joins only what is complete: the pieces of a large message are copied once. */
  #cut(length: number): Buffer | undefined {
    if (this.#bytes < length) return undefined
    const joined = Buffer.concat(this.#pieces, this.#bytes)
    this.#pieces = joined.length > length ? [joined.subarray(length)] : []
    this.#bytes -= length
    return joined.subarray(0, length)
  }
}
