// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

import type { ConfigSettings } from './config.js'
import type { ConnectionSettings } from './connection.js'
import type { DiscoverySettings } from './discovery.js'

/** The settings below `cloud.nacos`. */
export interface NacosSettings extends ConnectionSettings {
  readonly tls: {
    /**
     * `true` uses TLS for addresses without `http://` or `https://`.
     * @default true if another key of `tls` is set
     */
    readonly enabled?: boolean | undefined
    /**
     * PEM file of the certificate authorities to trust.
     * @default Node's own
     */
    readonly caFile?: string | undefined
    /** PEM file of the client certificate; needs `key-file`. */
    readonly certFile?: string | undefined
    /** PEM file of the client certificate's key. */
    readonly keyFile?: string | undefined
    /** Passphrase of that key. */
    readonly keyPassphrase?: string | undefined
    /**
     * Host name that the server's certificate must have.
     * @default the address
     */
    readonly serverName?: string | undefined
  }
  /** HTTP API to use: `auto` detects it once, `v1` is for Nacos 1.x–3.1 and r-nacos, `v3` for Nacos 3.x. */
  readonly apiVersion: 'auto' | 'v1' | 'v3'
  /** How the instance is registered: `http` with a heartbeat, or over the `grpc` connection. */
  readonly transport: 'http' | 'grpc'
  /** Deadline of one request to the registry. */
  readonly requestTimeout: number
  /** Deadline of one heartbeat; then the next address is tried. */
  readonly beatTimeout: number
  readonly discovery: DiscoverySettings
  readonly config: ConfigSettings
}
