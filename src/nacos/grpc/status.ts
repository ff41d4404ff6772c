import type { IncomingHttpHeaders } from 'node:http2'

/** The gRPC status codes that are distinguished here. */
export const Status = {
  OK: 0,
  UNKNOWN: 2,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const

/** A call that did not end with status 0. */
export class StatusError extends Error {
  constructor(
    /** gRPC status code. */
    readonly code: number,
    message: string,
  ) {
    super(message)
    this.name = 'StatusError'
  }
}

/** The status of trailers: `'ok'`, an error, or nothing if they hold none. */
export function statusOf(headers: IncomingHttpHeaders): StatusError | 'ok' | undefined {
  const raw = headers['grpc-status']
  if (typeof raw !== 'string') return undefined
  const code = /^\d{1,9}$/.test(raw) ? Number(raw) : Status.UNKNOWN
  if (code === Status.OK) return 'ok'
  const message = headers['grpc-message']
  const why = typeof message === 'string' && message !== '' ? percentDecoded(message) : 'no reason given'
  return new StatusError(code, `${why} (gRPC status ${code})`)
}

/** The error of an answer that is no gRPC; `undefined` if it may be one. */
export function notGrpc(headers: IncomingHttpHeaders): StatusError | undefined {
  const http = Number(headers[':status'])
  const type = headers['content-type']
  if (http === 200 && (type === undefined || /^application\/grpc($|[+;])/.test(type))) return undefined
  const shown = type === undefined ? '' : ` and content-type ${type}`
  return new StatusError(codeOfHttp(http), `the answer is not gRPC: HTTP status ${http}${shown}`)
}

/** As the gRPC specification maps the answers of proxies. */
function codeOfHttp(http: number): number {
  if (http === 404) return Status.UNIMPLEMENTED
  return [429, 502, 503, 504].includes(http) ? Status.UNAVAILABLE : Status.UNKNOWN
}

/** Only what is valid is decoded: a message is for reading, and a broken one is better than none. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
