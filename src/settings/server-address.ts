/** One parsed address of a registry. */
export interface ServerAddress {
  /** Host name, IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** From the scheme; without one, the default of the caller. */
  readonly tls: boolean
  /** `host:port` as it stands in a URL: IPv6 in brackets. */
  readonly authority: string
}

/** Of a bare host. A URL is used as it is: its scheme has a default port. */
const DEFAULT_PORT = 8848
const SCHEME_PORTS = { http: 80, https: 443 } as const
/** What a browser shows behind the context path, for addresses that are copied from one. */
const PAGE = /\/+(index\.html|next|console-ui)?\/*$/i

/** Parses `host:port,[::1]:8848,https://nacos.example.com/nacos`; throws a plain `Error` with what is wrong. */
export function parseServerAddresses(
  list: string,
  tlsByDefault = false,
): { addresses: ServerAddress[]; contextPath: string | undefined } {
  const parsed = list
    .split(/[,;\s]/)
    .filter(Boolean)
    .map((text) => parseOne(text, tlsByDefault))
  if (parsed.length === 0) throw new Error('expected host:port, got an empty list')
  return {
    addresses: parsed.map((one) => one.address),
    contextPath: parsed.find((one) => one.contextPath !== undefined)?.contextPath,
  }
}

/** What is left out of the URL of an address server. */
export interface EndpointDefaults {
  readonly contextPath?: string | undefined
  readonly clusterName?: string | undefined
  /** `''` is the public namespace, which is not sent. */
  readonly namespace?: string | undefined
}

const ENDPOINT_PORT = 8080

/**
 * The URL that an address server is asked at, as the Java client builds it: `http://ENDPOINT:8080/nacos/serverlist`. A
 * URL with a path is used as it is; throws a plain `Error` with what is wrong.
 */
export function parseEndpoint(text: string, defaults: EndpointDefaults = {}): string {
  const bare = !text.includes('://')
  const { addresses, contextPath } = parseServerAddresses(text)
  const [address, ...more] = addresses
  if (!address || more.length > 0) throw new Error('expected one address server')
  const port = bare && !/:\d+($|\/)/.test(text) ? ENDPOINT_PORT : address.port
  const authority = address.authority.replace(/:\d+$/, `:${port}`)
  const path = (part: string) => part.replace(/^\/+|\/+$/g, '')
  const { contextPath: root = 'nacos', clusterName = 'serverlist', namespace } = defaults
  const below =
    contextPath ?? ['', path(root), path(clusterName)].filter((part, at) => at === 0 || part !== '').join('/')
  const query = namespace ? `?namespace=${encodeURIComponent(namespace)}` : ''
  return `${address.tls ? 'https' : 'http'}://${authority}${below}${query}`
}

// By hand, not by `URL`: that one drops `:443` and knows no default of 8848.
function parseOne(text: string, tlsByDefault: boolean): { address: ServerAddress; contextPath: string | undefined } {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)
  const protocol = scheme?.[1]!.toLowerCase()
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'https') {
    throw new Error(`expected http:// or https://, got ${protocol}://`)
  }
  const rest = text.slice(scheme?.[0].length ?? 0)
  // Not quoted back: what stands before the @ may be a password.
  if (rest.includes('@')) throw new Error('expected host:port without user and password: use username and password')
  const slash = rest.indexOf('/')
  const authority = slash < 0 ? rest : rest.slice(0, slash)
  const path =
    slash < 0
      ? ''
      : rest
          .slice(slash)
          .replace(/[?#].*$/, '')
          .replace(PAGE, '')
          .replace(/\/+$/, '')

  const match = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(authority)
  if (!match) {
    const hint = authority.split(':').length > 2 ? ' (write an IPv6 address in brackets: [::1]:8848)' : ''
    throw new Error(`expected host:port, got "${authority}"${hint}`)
  }
  const port = match[3] === undefined ? (protocol ? SCHEME_PORTS[protocol] : DEFAULT_PORT) : Number(match[3])
  if (port < 1 || port > 65535) throw new Error(`expected a port 1–65535, got ${port}`)
  const host = match[1] ?? match[2]!
  return {
    address: {
      host,
      port,
      tls: protocol === undefined ? tlsByDefault : protocol === 'https',
      authority: `${match[1] ? `[${host}]` : host}:${port}`,
    },
    contextPath: path || undefined,
  }
}
