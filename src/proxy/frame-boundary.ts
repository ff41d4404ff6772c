/**
 * Follows the frames of a WebSocket (RFC 6455, 5.2) in its bytes, without keeping any: only between two frames may another one
 * be put in.
 */
export class FrameBoundary {
  /** Of the frame's head, what has come so far: at most 10 bytes decide its length. */
  private readonly head = Buffer.alloc(10)
  private headBytes = 0
  /** Of the present frame, what has not come yet. */
  private left = 0

  /** The next byte begins a frame. */
  get between(): boolean {
    return this.left === 0 && this.headBytes === 0
  }

  pass(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.left > 0) {
        const taken = Math.min(this.left, chunk.length - at)
        this.left -= taken
        at += taken
        continue
      }
      this.head[this.headBytes++] = chunk[at++]!
      const size = this.lengthOf()
      if (size === undefined) continue
      this.left = size
      this.headBytes = 0
    }
  }

  /** What follows the bytes of the head that decide it: the mask, and the payload. */
  private lengthOf(): number | undefined {
    const { head, headBytes } = this
    if (headBytes < 2) return undefined
    const mask = head[1]! & 0x80 ? 4 : 0
    const short = head[1]! & 0x7f
    if (short < 126) return mask + short
    if (short === 126) return headBytes < 4 ? undefined : mask + head.readUInt16BE(2)
    return headBytes < 10 ? undefined : mask + Number(head.readBigUInt64BE(2))
  }
}
