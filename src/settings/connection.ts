import { SidecarError, messageOf } from '../errors.js'
import type { NacosSettings } from './schema.js'
import { parseEndpoint, parseServerAddresses, type ServerAddress } from './server-address.js'
import { deepFreeze } from '../util/deep-freeze.js'
import { maskWhenPrinted } from './mask-when-printed.js'

/** How to reach one Nacos cluster: what a transport is made from. Its secrets never show in JSON, logs or `inspect`. */
export interface ConnectionOptions {
  /** In the order they were written; none where an address server names them. */
  readonly addresses: readonly ServerAddress[]
  /** The URL that names the addresses, where `endpoint` is set. */
  readonly addressServer?: string | undefined
  /** `''` is the public namespace. */
  readonly namespace: string
  /** Starts with a slash and does not end with one; `''` for none. @default '/nacos' */
  readonly contextPath: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly accessKey: string | undefined
  readonly secretKey: string | undefined
  readonly securityToken: string | undefined
  readonly regionId: string | undefined
  readonly tls: ConnectionTls
  /** `auto` asks the server once. */
  readonly apiVersion: NacosSettings['apiVersion']
  readonly requestTimeoutMs: number
  readonly beatTimeoutMs: number
}

export interface ConnectionTls {
  /** True if any address is spoken to over TLS. */
  readonly enabled: boolean
  /** PEM files, as paths. */
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
  readonly keyPassphrase: string | undefined
  readonly serverName: string | undefined
}

/** How services and how configs are reached: mostly by one and the same connection. */
export interface Connections {
  readonly discovery: ConnectionOptions
  readonly config: ConnectionOptions
}

export function connectionsOf(nacos: NacosSettings): Connections {
  return { discovery: connectionOf(nacos, 'discovery'), config: connectionOf(nacos, 'config') }
}

/** The connection of one section, `discovery` or `config`; what it leaves out comes from `cloud.nacos`. */
export function connectionOf(nacos: NacosSettings, section: 'discovery' | 'config'): ConnectionOptions {
  const own = nacos[section]
  const inherited = <K extends keyof typeof own & keyof NacosSettings>(key: K) => own[key] ?? nacos[key]
  const namespace = inherited('namespace') ?? ''
  const tlsByDefault = wantsTls(nacos.tls)
  // As in the Java client, an address server goes before addresses; those of the section before what it inherits.
  const endpoint = own.endpoint ?? (own.serverAddr === undefined ? nacos.endpoint : undefined)
  const addressServer =
    endpoint &&
    parseEndpoint(endpoint, {
      contextPath: inherited('endpointContextPath') ?? inherited('contextPath'),
      clusterName: inherited('endpointClusterName'),
      namespace: namespace === 'public' ? '' : namespace,
    })
  const { addresses, contextPath } = addressServer
    ? { addresses: [], contextPath: undefined }
    : addressesOf(inherited('serverAddr') ?? '127.0.0.1:8848', tlsByDefault, section)

  const options: ConnectionOptions = {
    addresses,
    addressServer: addressServer || undefined,
    namespace: namespace === 'public' ? '' : namespace,
    contextPath: normalizePath(inherited('contextPath') ?? contextPath ?? '/nacos'),
    username: inherited('username'),
    password: inherited('password'),
    accessKey: inherited('accessKey'),
    secretKey: inherited('secretKey'),
    securityToken: inherited('securityToken'),
    regionId: inherited('regionId'),
    tls: {
      enabled: addressServer ? tlsByDefault : addresses.some((address) => address.tls),
      caFile: nacos.tls.caFile,
      certFile: nacos.tls.certFile,
      keyFile: nacos.tls.keyFile,
      keyPassphrase: nacos.tls.keyPassphrase,
      serverName: nacos.tls.serverName,
    },
    apiVersion: nacos.apiVersion,
    requestTimeoutMs: nacos.requestTimeout,
    beatTimeoutMs: nacos.beatTimeout,
  }
  return deepFreeze(options, maskWhenPrinted)
}

/** Certificates imply TLS: an address without a scheme must not send its password in the clear. */
function wantsTls({ enabled, ...files }: NacosSettings['tls']): boolean {
  return enabled ?? Object.values(files).some((file) => file !== undefined)
}

function addressesOf(list: string, tlsByDefault: boolean, section: string) {
  try {
    return parseServerAddresses(list, tlsByDefault)
  } catch (error) {
    const key = `cloud.nacos.${section}.server-addr`
    throw new SidecarError('SIDECAR_SETTINGS_INVALID', `${key}: ${messageOf(error)}`)
  }
}

function normalizePath(path: string): string {
  const inner = path.trim().replace(/^\/+|\/+$/g, '')
  return inner === '' ? '' : `/${inner}`
}
