import { SidecarError } from '../errors.js'

/** A fixed target instead of discovery. */
export interface BaseUrl {
  readonly origin: string
  /** In front of every path; without a slash at its end. */
  readonly path: string
}

/**
 * @param client whose `url` it is, for the error
 * @throws SidecarError `SIDECAR_CLIENT_INVALID` for what is no plain http(s) base URL.
 */
export function parseBaseUrl(text: string, client = 'a typed client'): BaseUrl {
  const throwInvalidUrl = (why: string): never => {
    throw new SidecarError(
      'SIDECAR_CLIENT_INVALID',
      `The \`url\` of ${client} ${why}: write http(s)://host[:port][/path]`,
    )
  }
  // Spring accepts `localhost:8080` as well.
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(full)) return throwInvalidUrl('is not a URL')
  const url = new URL(full)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return throwInvalidUrl(`has the scheme ${url.protocol.slice(0, -1)}`)
  if (url.username !== '' || url.password !== '') return throwInvalidUrl('holds credentials: send them as a header')
  if (url.search !== '' || url.hash !== '') return throwInvalidUrl('has a query or a fragment')
  return { origin: url.origin, path: url.pathname.replace(/\/$/, '') }
}
