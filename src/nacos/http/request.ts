import { request as requestHttp, type Agent, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createUnzip } from 'node:zlib'
import { untraced } from '../../tracing/untraced.js'
import { HttpError } from './http-error.js'
import { RequestFailure } from './failure.js'

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly agent: Agent
  readonly signal: AbortSignal
  /** Largest accepted answer, decompressed. */
  readonly maxResponseBytes: number
}

export interface HttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/**
 * One HTTP request and its whole answer, whatever its status. Redirects are not followed, and a proxy of the environment
 * is not used. It makes no span.
 *
 * @throws HttpError, or RequestFailure `too-large`
 */
export function request(options: HttpRequest): Promise<HttpAnswer> {
  const { method, url, headers, body, agent, signal, maxResponseBytes } = options
  return new Promise((resolve, reject) => {
    let answered = false
    const send = url.startsWith('https:') ? requestHttps : requestHttp
    const sent = untraced(() => send(url, { method, headers, agent, signal }))
    const fail = (error: Error) =>
      reject(error instanceof RequestFailure ? error : new HttpError(error, answered, sent.reusedSocket))
    sent.on('error', fail)
    sent.on('response', (response) => {
      answered = true
      read(response, maxResponseBytes).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
        (error: Error) => {
          fail(error)
          sent.destroy()
        },
      )
    })
    sent.end(body)
  })
}

function read(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const unpacker = unpackerOf(response.headers['content-encoding'])
    const source: Readable = unpacker ? pipeline(response, unpacker, () => {}) : response
    const chunks: Buffer[] = []
    let size = 0
    source.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBytes) return void chunks.push(chunk)
      source.destroy(new RequestFailure('too-large', `the answer is larger than ${maxBytes} bytes`))
    })
    source.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)))
    source.on('error', reject)
  })
}

/** Nothing but plain text is asked for; some gateways compress all the same. */
function unpackerOf(encoding: string | undefined) {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
    case 'deflate':
      return createUnzip()
    case 'br':
      return createBrotliDecompress()
    default:
      return undefined
  }
}
