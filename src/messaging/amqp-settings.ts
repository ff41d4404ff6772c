import type { ConnectionOptions } from 'node:tls'
import type { Unsubscribe } from '../types.js'

/** How RabbitMQ is reached. */
export interface AmqpSettings {
  /** Tried in order, from the one in use. At least one. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
  readonly username: string
  readonly password: string
  readonly vhost: string
  /** What the socket is to have beyond the authorities of Node; `false` without TLS. */
  readonly tls: false | ConnectionOptions
  /** 0 for none. `undefined`: as the broker says. */
  readonly heartbeatSeconds: number | undefined
  /** 0 for none. `undefined`: the client's own. */
  readonly connectTimeoutMs: number | undefined
}

/** What a connection to RabbitMQ asks for: the settings are live. */
export interface AmqpSource {
  /**
   * Read at each attempt to connect.
   *
   * @throws SidecarError `SIDECAR_SETTINGS_INVALID`
   */
  read(): AmqpSettings
  /** Calls back when `read` has another answer: connect anew. */
  onChange(listener: () => void): Unsubscribe
}
