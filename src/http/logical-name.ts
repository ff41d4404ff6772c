/** A URL whose host is the logical name of a service. */
export interface LogicalUrl {
  readonly service: string
  /** It says https: then no instance is called without TLS, whatever its metadata. */
  readonly secure: boolean
  /** Path, query and fragment, as written. */
  readonly rest: string
}

const LOGICAL = /^http(s?):\/\/([A-Za-z0-9_-]+)(?=[/?#]|$)(.*)$/s
/** `http://2130706433/` and `http://0x7f000001/` are addresses to a URL parser. */
const NUMERIC = /^(\d+|0x[\da-f]*)$/i

/**
 * Reads `http://user-service/path`. Anything with a dot, a port or credentials, `localhost` and addresses are no
 * logical names: such URLs pass through untouched.
 */
export function readLogicalUrl(url: string): LogicalUrl | undefined {
  const match = LOGICAL.exec(url)
  if (match === null) return undefined
  const [, secure, service = '', rest = ''] = match
  return service.toLowerCase() === 'localhost' || NUMERIC.test(service)
    ? undefined
    : { service, secure: secure === 's', rest }
}
