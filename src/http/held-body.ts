import http, { type ClientRequest, type RequestOptions } from 'node:http'
import https from 'node:https'
import { PassThrough, pipeline, type Readable } from 'node:stream'

/** What sends a request for axios: its config's `transport`, or a module of Node. */
export interface Transport {
  request(options: RequestOptions, onResponse: () => void): ClientRequest
}

/** npm form-data: a stream that knows its headers. */
interface FormStream {
  getHeaders?(): Record<string, string>
  getLength?(done: (error: Error | null, length: number) => void): void
}

/**
 * A stream as the body of one attempt of axios. Not a byte of it is read before the attempt has a connection, so that
 * one which never gets any costs nothing: another attempt can send the same stream.
 */
export class HeldBody {
  /** In place of the stream. */
  readonly body = new PassThrough()
  /** The stream is being read: it cannot be sent again. */
  released = false

  constructor(
    private readonly source: Readable,
    private readonly own: Transport | undefined,
  ) {}

  /** In place of axios's own transport. */
  readonly transport: Transport = {
    request: (options, onResponse) => {
      const secure = options.protocol === 'https:'
      const carrier: Transport = this.own ?? (secure ? https : http)
      const request = carrier.request(options, onResponse)
      request.once('socket', (socket) => {
        if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', () => this.release())
        else this.release()
      })
      return request
    },
  }

  private release(): void {
    if (this.released) return
    this.released = true
    pipeline(this.source, this.body, () => {})
  }
}

/** The headers that axios would make of the stream, had it seen it. */
export async function headersOfStream(stream: Readable & FormStream): Promise<Record<string, string>> {
  if (typeof stream.getHeaders !== 'function') return {}
  const headers = { ...stream.getHeaders() }
  const length = await new Promise<number | undefined>((resolve) => {
    if (typeof stream.getLength !== 'function') return resolve(undefined)
    stream.getLength((error, known) => resolve(error ? undefined : known))
  }).catch(() => undefined)
  if (Number.isFinite(length)) headers['content-length'] = String(length)
  return headers
}
