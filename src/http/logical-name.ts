import type { CallRuntime } from '../calls/runtime.js'
import { SidecarError } from '../errors.js'
import { mask } from '../util/secrets.js'

/** A URL whose host is the logical name of a service. */
export interface LogicalUrl {
  readonly service: string
  /** It says https: then no instance is called without TLS, whatever its metadata. */
  readonly secure: boolean
  /** Path, query and fragment, as written. */
  readonly rest: string
  /** It can be nothing but a service: `lb://`, or a name of `sidecar.logical-names`. Else the registry is asked. */
  readonly sure: boolean
}

/** With the port that a parsed URL leaves out. */
const PLAIN = /^(?:http:\/\/([A-Za-z0-9_.-]+)(?::80)?|https:\/\/([A-Za-z0-9_.-]+)(?::443)?)(?=[/?#]|$)(.*)$/is
const BALANCED = /^lb:\/\/([A-Za-z0-9_.-]+)(?=[/?#]|$)(.*)$/is
/** `http://2130706433/` and `http://0x7f000001/` are addresses to a URL parser. */
const NUMERIC = /^(\d+|0x[\da-f]*)$/i

/**
 * Reads `http://user-service/path` and `lb://user-service/path`. Anything else with a port or credentials, `localhost`
 * and addresses are no logical names: such URLs pass through untouched. So does a host with a dot, but for `lb://` and
 * for what `listed` knows.
 *
 * @param listed the registered name, for a host of `sidecar.logical-names`
 */
export function readLogicalUrl(
  url: string,
  listed: (host: string) => string | undefined = () => undefined,
): LogicalUrl | undefined {
  const balanced = BALANCED.exec(url)
  if (balanced !== null) return { service: balanced[1]!, secure: false, rest: balanced[2]!, sure: true }
  const plain = PLAIN.exec(url)
  if (plain === null) return undefined
  const [, open, secured, rest = ''] = plain
  const host = open ?? secured!
  const secure = secured !== undefined
  const own = listed(host)
  if (own !== undefined) return { service: own, secure, rest, sure: true }
  if (host.includes('.') || host.toLowerCase() === 'localhost' || NUMERIC.test(host)) return undefined
  return { service: host, secure, rest, sure: false }
}

/** `lb://` is no scheme that a client knows: a URL that begins so is one of ours, or an error. */
export function isBalancedScheme(url: string): boolean {
  return /^lb:/i.test(url)
}

export function invalidBalancedUrl(url: string): SidecarError {
  return new SidecarError('SIDECAR_CALL_INVALID', `${JSON.stringify(mask(url).slice(0, 80))}: write lb://service/path`)
}

/**
 * Asks `sidecar.logical-names` of a runtime that is made on demand. Settings that cannot be read are an error of the calls
 * of services, never of those to another host.
 */
export function listedBy(runtime: () => CallRuntime): (host: string) => string | undefined {
  return (host) => {
    try {
      return runtime().names.listed(host)
    } catch {
      return undefined
    }
  }
}
