import type { IncomingMessage } from 'node:http'
import { refusalHeaders } from './auth/decision.js'
import type { Guard } from './auth/guard.js'

/** What this needs of a stream of node:http2. */
export interface Http2Stream {
  readonly destroyed: boolean
  readonly closed: boolean
  on(event: 'error', listener: () => void): unknown
  off(event: 'error', listener: () => void): unknown
  respond(headers: Record<string, string | number>, options?: { endStream: boolean }): void
  end(body: string): void
}

/**
 * The guard in front of a handler of bare HTTP/2 streams (`server.on('stream', …)`). While the decision is awaited, and
 * after a refusal, nothing else listens for the stream's errors, and a peer that resets it must not end the process.
 */
export function guardStream(
  check: Guard['check'],
  stream: Http2Stream,
  headers: Readonly<Record<string, string>>,
  handle: () => void,
): true {
  const request = { method: headers[':method'], url: headers[':path'], headers, stream } as unknown as IncomingMessage
  const ignore = () => {}
  stream.on('error', ignore)
  void Promise.resolve(check(request)).then((decision) => {
    if (stream.destroyed || stream.closed) return
    if (decision.allowed) {
      stream.off('error', ignore)
      return handle()
    }
    const head = {
      ':status': decision.status,
      'content-type': 'application/json; charset=utf-8',
      ...refusalHeaders(decision),
    }
    // An answer to HEAD ends with its headers: a body after them would be an error.
    const endStream = request.method === 'HEAD'
    stream.respond(head, { endStream })
    if (!endStream) stream.end(JSON.stringify(decision.body))
  })
  return true
}
