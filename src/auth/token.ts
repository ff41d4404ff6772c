import type { IncomingMessage } from 'node:http'
import { parseCookie } from 'cookie'

/** Where a token may be, and which places count where several hold one. */
export interface TokenSources {
  /** @default true */
  readonly query: boolean
  /** @default true */
  readonly cookies: boolean
  /** Those that are read, the strongest first. Left out: all of them, which must not hold different tokens. */
  readonly sources?: readonly TokenSource[] | undefined
  /** Longest token, in characters. Left out: what Node's limit on headers lets in. */
  readonly maxLength?: number | undefined
}

/** A place in a request that can hold a token. */
export type TokenSource = 'bearer' | 'cookies' | 'query' | 'x-auth-token' | 'x-token'

const NAMES: readonly string[] = ['token', 'access_token']
/** `token`, and what parsers of queries make the same property of: `token[]`, `token[0]`, `[token]`. */
const PARAMETER = /^(?:(?:token|access_token)(?:\[.*)?|\[(?:token|access_token)\].*)$/s
/** `token` in a query with escapes. */
const ENCODED_TOKEN = /(?:t|%74)(?:o|%6f)(?:k|%6b)(?:e|%65)(?:n|%6e)/i
const BEARER = /^bearer(?: +|$)/i
/** Visible ASCII only: no space, no control character, nothing a header could be split with. */
const TOKEN = /^[\x21-\x7e]+$/
/** Something was sent that cannot be read as one token. */
const UNCLEAR = ''
/** Different tokens were sent, of which the app could take another one than the guard: no token. */
export const SEVERAL = '\0several'

/**
 * The only place that locates a caller's token: the guard checks it, typed clients forward it.
 * `Authorization: Bearer`, cookies `token` and `access_token`, query `token` and `access_token`, `X-Auth-Token`,
 * `X-Token`.
 *
 * @returns what was sent, be it a token or not (`isToken`): what cannot be one is refused, and no other place makes up
 * for it. `SEVERAL` where different ones were sent, `undefined` where none was.
 */
export function findToken(
  request: Pick<IncomingMessage, 'headers' | 'url'>,
  { query, cookies, sources }: TokenSources,
): string | undefined {
  if (sources) {
    for (const source of sources) {
      if ((source === 'cookies' && !cookies) || (source === 'query' && !query)) continue
      const sent = readSource(source, request)
      if (sent !== undefined) return sent
    }
    return undefined
  }
  // One by one: a loop over their names would cost every request several times as much.
  let found = readSource('bearer', request)
  if (cookies) found = agreed(found, readSource('cookies', request))
  if (query) found = agreed(found, readSource('query', request))
  found = agreed(found, readSource('x-auth-token', request))
  return agreed(found, readSource('x-token', request))
}

function agreed(found: string | undefined, sent: string | undefined): string | undefined {
  if (sent === undefined || sent === found) return found
  return found === undefined ? sent : SEVERAL
}

/** Whether what was sent can be a token at all. */
export function isToken(sent: string, maxLength = Infinity): boolean {
  return sent.length <= maxLength && TOKEN.test(sent)
}

/**
 * The caller's token as the guard would check it, or `undefined`: what a `RequestContext` carries on.
 *
 * @example
 * context: (request) => ({ token: tokenOf(request, settings.auth.token) })
 */
export function tokenOf(request: Pick<IncomingMessage, 'headers' | 'url'>, sources: TokenSources): string | undefined {
  const sent = findToken(request, sources)
  return sent !== undefined && isToken(sent, sources.maxLength) ? sent : undefined
}

function readSource(
  source: TokenSource,
  { headers, url }: Pick<IncomingMessage, 'headers' | 'url'>,
): string | undefined {
  switch (source) {
    case 'bearer':
      // Another scheme (Basic, Digest) is for the app; a Bearer token is for the guard, valid or not.
      return headers.authorization === undefined ? undefined : bearerOf(headers.authorization)
    case 'cookies':
      return headers.cookie?.includes('token') ? cookieOf(headers.cookie) : undefined
    case 'query':
      return url?.includes('?') ? parameterOf(url.slice(url.indexOf('?') + 1)) : undefined
    // Each by its name: a name in a variable costs several times as much.
    case 'x-auth-token':
      return oneOf(headers['x-auth-token'])
    case 'x-token':
      return oneOf(headers['x-token'])
  }
}

/** @param pair one of a `Cookie` header, as it stands there */
export function isTokenCookie(pair: string): boolean {
  return NAMES.includes(cookieNameOf(pair))
}

function cookieNameOf(pair: string): string {
  return pair.slice(0, Math.max(0, pair.indexOf('='))).trim()
}

/** @param part one of a query, as it stands there */
export function isTokenParameter(part: string): boolean {
  for (const [name] of new URLSearchParams(part)) if (PARAMETER.test(name)) return true
  return false
}

function oneOf(value: string | string[] | undefined): string | undefined {
  if (value === undefined || value === '') return undefined
  return typeof value === 'string' ? value : UNCLEAR
}

function bearerOf(authorization: string): string | undefined {
  // The usual spelling.
  if (authorization.startsWith('Bearer ') && authorization[7] !== ' ') return authorization.slice(7)
  return BEARER.test(authorization) ? authorization.replace(BEARER, '') : undefined
}

function cookieOf(header: string): string | undefined {
  let found: string | undefined
  // One by one: a parser of the whole header keeps the first of two with one name, another one the last.
  for (const pair of header.split(';')) {
    const name = cookieNameOf(pair)
    const value = NAMES.includes(name) ? parseCookie(pair)[name] : undefined
    if (!value) continue
    if (found !== undefined && found !== value) return SEVERAL
    found = value
  }
  return found
}

function parameterOf(query: string): string | undefined {
  // Before the query is parsed, which costs more. `%74oken=` is a token as well.
  if (!query.includes('token') && !(query.includes('%') && ENCODED_TOKEN.test(query))) return undefined
  let found: string | undefined
  for (const [name, value] of new URLSearchParams(query)) {
    if (value === '' || !PARAMETER.test(name)) continue
    if (found !== undefined && found !== value) return SEVERAL
    found = value
  }
  return found
}
