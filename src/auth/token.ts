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
const BEARER = /^bearer(?: +|$)/i
/** Visible ASCII only: no space, no control character, nothing a header could be split with. */
const TOKEN = /^[\x21-\x7e]+$/
/** Something was sent, but one cannot say what: no token. */
const UNCLEAR = ''

/**
 * The one place that says where a caller's token is: the guard checks it, typed clients forward it.
 * `Authorization: Bearer` → cookies `token`, `access_token` → query `token`, `access_token` → `X-Auth-Token`, `X-Token`.
 *
 * @returns what was sent, be it a token or not (`isToken`): what cannot be one is refused, and no other place is looked
 * at. `undefined` where nothing was sent.
 */
export function findToken(
  request: Pick<IncomingMessage, 'headers' | 'url'>,
  sources: TokenSources,
): string | undefined {
  const { headers } = request

  const { authorization } = headers
  // Another scheme (Basic, Digest) is for somebody else; a Bearer one is ours, good or bad.
  const bearer = authorization === undefined ? undefined : bearerOf(authorization)
  if (bearer !== undefined) return bearer

  if (sources.cookies && headers.cookie?.includes('token=')) {
    const cookies = parseCookie(headers.cookie)
    for (const name of NAMES) if (cookies[name]) return cookies[name]
  }

  if (sources.query) {
    const start = request.url?.indexOf('?') ?? -1
    const query = start < 0 ? '' : request.url!.slice(start + 1)
    if (query.includes('token=')) {
      const parameters = new URLSearchParams(query)
      for (const name of NAMES) {
        const values = parameters.getAll(name)
        // Said twice, two readers could each take another one.
        if (values.length > 1) return UNCLEAR
        if (values[0]) return values[0]
      }
    }
  }

  for (const name of HEADERS) {
    const value = headers[name]
    if (value !== undefined && value !== '') return typeof value === 'string' ? value : UNCLEAR
  }
  return undefined
}

/** Whether what was sent can be a token at all. */
export function isToken(sent: string): boolean {
  return sent.length <= MAX_TOKEN_LENGTH && TOKEN.test(sent)
}

/**
 * The caller's token as the guard would check it, or `undefined`: what a `RequestContext` carries on.
 *
 * @example
 * context: (request) => ({ token: tokenOf(request, settings.auth.token) })
 */
export function tokenOf(request: Pick<IncomingMessage, 'headers' | 'url'>, sources: TokenSources): string | undefined {
  const sent = findToken(request, sources)
  return sent !== undefined && isToken(sent) ? sent : undefined
}

function bearerOf(authorization: string): string | undefined {
  // As nearly everybody writes it.
  if (authorization.startsWith('Bearer ') && authorization[7] !== ' ') return authorization.slice(7)
  return BEARER.test(authorization) ? authorization.replace(BEARER, '') : undefined
}
