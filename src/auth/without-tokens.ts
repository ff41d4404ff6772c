import { isTokenCookie, isTokenParameter, type TokenSources } from './token.js'

type Headers = Record<string, string | readonly string[] | undefined>

/** Takes everything out of `headers` that may be the caller's token, credentials of other schemes too. */
export function withoutTokens(headers: Headers, { cookies }: Pick<TokenSources, 'cookies'>): void {
  for (const name of ['authorization', 'x-auth-token', 'x-token']) delete headers[name]
  const { cookie } = headers
  if (!cookies || cookie === undefined) return
  const kept = String(cookie)
    .split(';')
    .filter((pair) => !isTokenCookie(pair))
  if (kept.length === 0) delete headers['cookie']
  else headers['cookie'] = kept.join(';').trim()
}

/** @param query with its `?`, or empty */
export function queryWithoutTokens(query: string, sources: Pick<TokenSources, 'query'>): string {
  if (!sources.query || query.length < 2) return query
  const parts = query.slice(1).split('&')
  const kept = parts.filter((part) => !isTokenParameter(part))
  if (kept.length === parts.length) return query
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}
