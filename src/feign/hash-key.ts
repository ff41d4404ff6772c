import { SidecarError } from '../errors.js'
import { headerValue, type FlatHeaders } from '../calls/flat-headers.js'
import type { PathTemplate } from './template.js'

/** Reads what consistent hashing goes by out of a call; `undefined` where the call has none. */
export type HashKey = (path: string, headers: FlatHeaders) => string | undefined

const FORM = /^(?:(path|query|header):)?([^:]+)$/

/**
 * @param hashBy `path:id`, `query:user`, `header:x-user`; a bare name is a variable of the path where it has one of
 * that name, else a query key
 * @throws SidecarError `SIDECAR_CLIENT_INVALID`
 */
export function createHashKey(hashBy: string, template: PathTemplate): HashKey {
  const [, said, name] = FORM.exec(hashBy) ?? []
  if (name === undefined) {
    throw new SidecarError(
      'SIDECAR_CLIENT_INVALID',
      `hashBy is ${JSON.stringify(hashBy)}: write path:<variable>, query:<key> or header:<name>`,
    )
  }
  const where = said ?? (template.variables.includes(name) ? 'path' : 'query')
  if (where === 'header') return (_, headers) => headerValue(headers, name.toLowerCase())
  if (where === 'query') return byQuery(name)
  const index = template.variables.indexOf(name)
  return index < 0 ? () => undefined : byVariable(index, template)
}

function byQuery(name: string): HashKey {
  const pattern = new RegExp(`[?&]${escape(encodeURIComponent(name))}=([^&]*)`)
  return (path) => pattern.exec(path)?.[1]
}

/** A variable is one encoded segment, or a part of one: it holds no slash. */
function byVariable(index: number, { pieces }: PathTemplate): HashKey {
  const pattern = new RegExp(`^${pieces.map(escape).join('([^/?]*?)')}(?:[?&]|$)`)
  return (path) => pattern.exec(path)?.[index + 1]
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
