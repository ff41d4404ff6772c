import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { refused } from './failure.js'

/** The body of a request as it is passed on. */
export interface PassedBody {
  readonly body: Readable | Buffer | null
  /** Made of what a parser of the app has left of it. */
  readonly remade: boolean
}

const NOTHING: PassedBody = { body: null, remade: false }

/**
 * The request's body as a stream of its own. An instance that breaks off takes this stream with it; the request itself would
 * take the client's connection, and the answer that tells of it.
 */
export class RequestBody extends Readable {
  private begun = false

  /** @param onChunk hears of each piece that the client sends */
  constructor(
    private readonly request: IncomingMessage,
    private readonly onChunk: () => void,
  ) {
    super({ highWaterMark: 64 * 1024 })
  }

  override _read(): void {
    if (this.begun) return void this.request.resume()
    this.begun = true
    this.request.on('data', this.receive).on('end', this.onEnd).on('error', this.onError).on('close', this.onClose)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.request.off('data', this.receive).off('end', this.onEnd).off('close', this.onClose)
    done(error)
  }

  private readonly receive = (chunk: Buffer) => {
    this.onChunk()
    if (!this.push(chunk)) this.request.pause()
  }
  private readonly onEnd = () => void this.push(null)
  private readonly onError = (error: Error) => void this.destroy(error)
  private readonly onClose = () => {
    if (!this.request.complete) this.destroy(new Error('the client has gone'))
  }
}

/** Whether a body comes with the request, by its headers. */
export function hasBody(request: IncomingMessage): boolean {
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined) return true
  if (headers['content-length'] !== undefined) return Number(headers['content-length']) !== 0
  // HTTP/2 needs no header for it.
  const { stream } = request as { stream?: { readonly endAfterHeaders?: boolean } }
  return stream?.endAfterHeaders === false
}

/**
 * @param parsed what a body parser has made of it
 * @throws ProxyRefusal for a body that is not passed on
 */
export function passedBody(request: IncomingMessage, parsed: ParsedBody, onChunk: () => void): PassedBody {
  if (!hasBody(request)) return NOTHING
  const coding = request.headers['transfer-encoding']
  // Node has taken the chunks off, and nothing else: the instance could not read what is left.
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    throw refused(501, 'Only the transfer coding "chunked" is understood')
  if (!request.readableDidRead) return { body: new RequestBody(request, onChunk), remade: false }
  return { body: remake(request, parsed), remade: true }
}

/** What frameworks and their parsers keep of a body. */
export interface ParsedBody {
  readonly body?: unknown
  readonly rawBody?: unknown
}

/** Numbers of more than 15 digits and the like are not what they were: hence `rawBody` first. */
function remake({ headers, readableEnded }: IncomingMessage, { body, rawBody }: ParsedBody): Buffer {
  for (const raw of [rawBody, body]) {
    if (Buffer.isBuffer(raw)) return raw
    if (typeof raw === 'string') return Buffer.from(raw)
  }
  const type = headers['content-type'] ?? ''
  if (readableEnded && body !== undefined) {
    if (/^[^;]*[/+]json\b/i.test(type)) return Buffer.from(JSON.stringify(body))
    if (/^application\/x-www-form-urlencoded\b/i.test(type) && isFlat(body))
      return Buffer.from(new URLSearchParams(body).toString())
  }
  throw refused(500, 'The body was read before the request came to the proxy: mount the proxy before body parsers')
}

function isFlat(body: unknown): body is Record<string, string> {
  return typeof body === 'object' && body !== null && Object.values(body).every((value) => typeof value === 'string')
}
