import type { IncomingMessage } from 'node:http'
import { parseCookie } from 'cookie'

/** Which of the places a browser fills by itself may carry the token. */
export interface TokenSources {
  /** @default true */
  readonly query: boolean
  /** @default true */
  readonly cookies: boolean
}

/** Longer than any JWT that fits beside other headers in Node's 16 KB. */
const MAX_TOKEN_LENGTH = 8192
const NAMES = ['token', 'access_token'] as const
const HEADERS = ['x-auth-token', 'x-token'] as const
/** As nearly everybody writes it. */
const SCHEME = 'Bearer '
const BEARER = /^bearer(?: +|$)/i
/** Visible ASCII only: no space, no control character, nothing a header could be split with. */
const TOKEN = /^[\x21-\x7e]+$/
/** Something was sent that cannot be a token. */
const NONSENSE = ''

/**
 * The one place that says where a caller's token is: the guard checks it, typed clients forward it.
 * `Authorization: Bearer` → cookies `token`, `access_token` → query `token`, `access_token` → `X-Auth-Token`, `X-Token`.
 *
 * @returns what the request proves itself with: its Bearer header as it came, or a token from elsewhere, for
 * `tokenIn` to read. What cannot be one is refused, and no other place is looked at. `undefined` where nothing was sent.
 */
export function findCredential(
  request: Pick<IncomingMessage, 'headers' | 'url'>,
  sources: TokenSources,
): string | undefined {
  const { headers } = request

  const { authorization } = headers
  if (authorization !== undefined) {
    if (authorization.startsWith(SCHEME)) return authorization
    // Another scheme (Basic, Digest) is for somebody else; a Bearer one is ours, good or bad.
    if (BEARER.test(authorization)) return SCHEME + authorization.replace(BEARER, '')
  }

  if (sources.cookies && headers.cookie?.includes('token=')) {
    const cookies = parseCookie(headers.cookie)
    for (const name of NAMES) if (cookies[name]) return judged(cookies[name])
  }

  if (sources.query) {
    const start = request.url?.indexOf('?') ?? -1
    const query = start < 0 ? '' : request.url!.slice(start + 1)
    if (query.includes('token=')) {
      const parameters = new URLSearchParams(query)
      for (const name of NAMES) {
        const values = parameters.getAll(name)
        // Said twice, two readers could each take another one.
        if (values.length > 1) return NONSENSE
        if (values[0]) return judged(values[0])
      }
    }
  }

  for (const name of HEADERS) {
    const value = headers[name]
    if (value !== undefined && value !== '') return typeof value === 'string' ? judged(value) : NONSENSE
  }
  return undefined
}

/** The token of a credential, if it can be one. Only a Bearer header holds a space. */
export function tokenIn(credential: string): string | undefined {
  const token = credential.startsWith(SCHEME) ? credential.replace(BEARER, '') : credential
  return isToken(token) ? token : undefined
}

/**
 * The caller's token as the guard would check it, or `undefined`: what a `RequestContext` carries on.
 *
 * @example
 * context: (request) => ({ token: tokenOf(request, settings.auth.token) })
 */
export function tokenOf(request: Pick<IncomingMessage, 'headers' | 'url'>, sources: TokenSources): string | undefined {
  const credential = findCredential(request, sources)
  return credential === undefined ? undefined : tokenIn(credential)
}

function judged(token: string): string {
  return isToken(token) ? token : NONSENSE
}

function isToken(text: string): boolean {
  return text.length <= MAX_TOKEN_LENGTH && TOKEN.test(text)
}
