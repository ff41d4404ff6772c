import type { Passed } from './line.js'
import { asPrefix, below, parseTarget } from './target-path.js'

/** Where a framework says that a request is. */
export interface Place {
  /** What is left of the target, where the framework has taken the mount from it. */
  readonly url: string
  /** As it came. */
  readonly originalUrl: string
  /** What the framework says it has taken from it. */
  readonly mount?: string | undefined
  /** The framework leaves this in the target. */
  readonly below?: string
}

/**
 * What of the target is the service's, and what the gateway's.
 *
 * @param prefix the proxy's own, below the mount
 * @returns `undefined` for a request beside the prefix
 */
export function place(at: Place, prefix: string): Pick<Passed, 'target' | 'prefix' | 'bare'> | undefined {
  const given = parseTarget(at.url)
  if (given === undefined) return { target: undefined, prefix: '', bare: false }
  const full = parseTarget(at.originalUrl)?.path ?? given.path
  const mount = asPrefix(at.mount ?? mountOf(full, given.path))
  // Express 4 takes a second slash with the mount.
  if (at.mount !== undefined && below(mount, full)?.startsWith('//'))
    return { target: undefined, prefix: '', bare: false }
  const inner = (at.below ?? '') + prefix
  const rest = below(inner, given.path)
  if (rest === undefined) return undefined
  const bare = rest === '' || (rest === '/' && mount !== '' && !full.endsWith('/'))
  return { target: { path: rest === '' ? '/' : rest, query: given.query }, prefix: mount + inner, bare }
}

/** Connect and Koa-mount cut the target: what is missing at its beginning is the mount. */
function mountOf(full: string, path: string): string {
  if (full === path) return ''
  if (full.endsWith(path)) return full.slice(0, -path.length)
  return path === '/' ? full : ''
}
