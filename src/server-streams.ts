import type { IncomingMessage } from 'node:http'
import { refusalHeaders } from './auth/decision.js'
import type { Guard } from './auth/guard.js'

/** What this needs of a stream of node:http2. */
export interface Http2Stream {
  readonly destroyed: boolean
  respond(headers: Record<string, string | number>): void
  end(body: string): void
}

/** The guard in front of a handler of bare HTTP/2 streams (`server.on('stream', …)`). */
export function guardStream(
  check: Guard['check'],
  stream: Http2Stream,
  headers: Readonly<Record<string, string>>,
  handle: () => void,
): true {
  const request = { method: headers[':method'], url: headers[':path'], headers, stream } as unknown as IncomingMessage
  void Promise.resolve(check(request)).then((decision) => {
    if (stream.destroyed) return
    if (decision.allowed) return handle()
    stream.respond({
      ':status': decision.status,
      'content-type': 'application/json; charset=utf-8',
      ...refusalHeaders(decision),
    })
    stream.end(JSON.stringify(decision.body))
  })
  return true
}
