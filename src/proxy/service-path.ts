import { queryWithoutTokens } from '../auth/without-tokens.js'
import { SidecarError } from '../errors.js'
import type { Line, Passed } from './line.js'
import { refused } from './failure.js'
import { parseTarget, staysBelow } from './target-path.js'

/**
 * The path and query that the service gets: without the prefix, below the path of its URL, rewritten as the options say.
 *
 * @param exposed the host is none of the mesh: the tokens of the query are left out
 * @throws ProxyRefusal, SidecarError `SIDECAR_PROXY_INVALID`
 */
export function servicePath(line: Line, passed: Passed, exposed: boolean): string {
  const { rewrite = '' } = line.options
  const given = passed.target
  if (given === undefined || !staysBelow(given.path)) throw refused(400, 'The path of the request is not plain')
  const query = exposed ? queryWithoutTokens(given.query, line.tokens) : given.query
  const base = line.target.url?.path ?? ''
  if (typeof rewrite === 'string')
    return base + (given.path === '/' && passed.bare && rewrite !== '' ? rewrite : rewrite + given.path) + query
  const made = rewrite(given.path, passed.request)
  const own = typeof made === 'string' ? parseTarget(made) : undefined
  if (own === undefined || !made.startsWith('/') || !staysBelow(own.path))
    throw new SidecarError('SIDECAR_PROXY_INVALID', `rewrite of sidecar.proxy() returned ${JSON.stringify(made)}`)
  return base + own.path + (own.query === '' ? query : own.query)
}
