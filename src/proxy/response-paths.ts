import { asPrefix, below } from './target-path.js'

/** How paths of the service and of the gateway belong together. */
export interface PathMapping {
  /** Path at the service that stands for `prefix`. */
  readonly base: string
  /** Taken from the path of the request. */
  readonly prefix: string
  /** Hosts, with their ports, that mean the service: the instance's own, and the one that was asked for. */
  readonly hosts: readonly (string | undefined)[]
}

/** What of a response leads past the proxy: its paths are those of the service. */
export function mapResponseHeader(name: string, value: string, mapping: PathMapping): string {
  if (name === 'location' || name === 'content-location') return mapLocation(value, mapping)
  if (name === 'set-cookie') return mapCookie(value, mapping)
  return value
}

function mapLocation(value: string, { base, prefix, hosts }: PathMapping): string {
  const [, origin, host = '', path = '', tail = ''] = LOCATION.exec(value) ?? []
  // A relative one is resolved below the proxy's own path; any other host is not ours.
  if (origin === undefined ? path === '' || path.startsWith('//') : !hosts.includes(host.toLowerCase())) return value
  const rest = below(base, path === '' ? '/' : path)
  return rest === undefined ? value : (prefix + rest || '/') + tail
}

const LOCATION = /^(https?:\/\/([^/?#]*))?(\/[^?#]*)?([^]*)$/i

function mapCookie(value: string, { base, prefix }: PathMapping): string {
  return value.replace(/(;\s*path=)([^;]*)/i, (whole, name: string, path: string) => {
    const rest = below(base, asPrefix(path.trim()))
    return rest === undefined ? whole : name + (prefix + rest || '/')
  })
}
