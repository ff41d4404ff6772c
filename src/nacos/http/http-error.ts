import { messageOf } from '../../errors.js'
import { RequestFailure } from './failure.js'

/** The error of Node for a request without a whole answer. */
export class HttpError extends Error {
  /** Node's or TLS's own error code; '' without one. */
  readonly code: string

  constructor(
    cause: Error,
    /** The head of an answer had come. */
    readonly answered: boolean,
    /** The connection had carried a request before. */
    readonly reusedSocket: boolean,
  ) {
    super(messageOf(cause), { cause })
    this.code = codeOf(cause)
  }
}

/** The server closed a kept connection just as the request went out. */
export function lostKeptConnection(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false
  return error.reusedSocket && !error.answered && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}

/** Every address of a host was tried: they mostly fail alike. */
function codeOf(error: NodeJS.ErrnoException): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return error.code ?? (first as NodeJS.ErrnoException | undefined)?.code ?? ''
}

const NOT_CONNECTED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the host name has no address',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EADDRNOTAVAIL: 'no local address left to connect from',
  ETIMEDOUT: 'the connection could not be made in time',
}

export function failureOf(error: unknown): RequestFailure {
  if (error instanceof RequestFailure) return error
  const { code, answered } = error instanceof HttpError ? error : { code: '', answered: false }
  const message = messageOf(error)
  const detail = (text: string) => (code ? `${text} (${code})` : text)
  if (NOT_CONNECTED[code]) return new RequestFailure('connect', detail(NOT_CONNECTED[code]), code)
  if (code.startsWith('HPE_')) return new RequestFailure('malformed', detail('the answer is not HTTP'), code)
  if (code.startsWith('Z_')) return new RequestFailure('malformed', detail('the answer cannot be decompressed'), code)
  if (answered) return new RequestFailure('truncated', 'the answer broke off before its end', code || 'ECONNRESET')
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new RequestFailure('reset', detail('the connection was closed without an answer'), code)
  }
  if (isTlsCode(code) || /certificate|altnames|ssl|tls/i.test(message)) {
    return new RequestFailure('tls', detail(tlsReason(code, message)), code)
  }
  return new RequestFailure('reset', detail(message), code)
}

function isTlsCode(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code)
}

function tlsReason(code: string, message: string): string {
  if (/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code))
    return 'its certificate is not signed by a known authority'
  if (/wrong version number/i.test(message)) return 'it does not speak TLS: is http:// meant?'
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate is for another host'
  // OpenSSL's errors carry a thread id and a source line; the reason is the part between the last colons.
  return (
    message
      .split(':')
      .map((part) => part.trim())
      .filter((part) => /[a-z] [a-z]/i.test(part))
      .at(-1) ?? 'the TLS handshake failed'
  )
}
