/** The head of a request as `node:http` writes it. */
export interface RequestHead {
  readonly method: string
  readonly path: string
  /** Names in lower case and values by turns; without those that belong to the connection. */
  readonly headers: string[]
  /** How the end of its body is told; a number of bytes, or `chunked`. */
  readonly body: number | 'chunked'
  /** The protocol that the client asks for in place of HTTP. */
  readonly upgrade: string | undefined
  /** The client sends the body after a `100 Continue`. */
  readonly awaitsContinue: boolean
}

/** Belong to the connection between the client and this process, or are made anew. */
const OF_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'expect', 'trailer'],
])

/** @param text up to the empty line */
export function readHead(text: string): RequestHead {
  const [first = '', ...lines] = text.split('\r\n')
  const [method = '', path = ''] = first.split(' ', 2)
  const all = lines.map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const
  })
  const valueOf = (wanted: string) => all.find(([name]) => name === wanted)?.[1]
  const named = (valueOf('connection') ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  const upgrades = named.includes('upgrade')
  return {
    method,
    path,
    headers: all.flatMap(([name, value]) => (OF_CONNECTION.has(name) || named.includes(name) ? [] : [name, value])),
    body: /chunked$/i.test(valueOf('transfer-encoding') ?? '') ? 'chunked' : Number(valueOf('content-length') ?? 0),
    upgrade: upgrades ? valueOf('upgrade') : undefined,
    awaitsContinue: /^100-continue$/i.test(valueOf('expect') ?? ''),
  }
}

/** Takes the body of a request out of its frame. The writer is Node's own, so that no frame is wrong. */
export class BodyReader {
  /** The body is whole. */
  complete: boolean
  /** Of the body, or of the present chunk. */
  private left: number
  /** What stands between two chunks, as far as it has come. */
  private line = ''

  constructor(private readonly frame: RequestHead['body']) {
    this.left = frame === 'chunked' ? 0 : frame
    this.complete = frame === 0
  }

  /** @returns what of `data` belongs to the body */
  read(data: Buffer): Buffer[] {
    const found: Buffer[] = []
    let at = 0
    while (at < data.length && !this.complete) {
      if (this.left === 0) {
        at = this.readLine(data, at)
        continue
      }
      const part = data.subarray(at, at + this.left)
      this.left -= part.length
      at += part.length
      found.push(part)
      if (this.left === 0 && this.frame !== 'chunked') this.complete = true
    }
    return found
  }

  /** Between two chunks there are the end of the one and the length of the other; after the last one, trailers. */
  private readLine(data: Buffer, from: number): number {
    const end = data.indexOf('\n', from)
    const to = end < 0 ? data.length : end + 1
    this.line += data.toString('latin1', from, to)
    if (end < 0) return to
    const length = this.line.trim()
    this.line = ''
    // The end of a chunk.
    if (length === '') return to
    this.left = parseInt(length, 16)
    if (this.left === 0) this.complete = true
    return to
  }
}
