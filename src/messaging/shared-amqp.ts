import { SidecarError } from '../errors.js'
import type { AmqpSettings, AmqpSource } from './amqp-settings.js'
import { createAmqpConnection, type AmqpConnection } from './amqp/connection.js'
import { isAmqpUrl, parseAmqpUrl } from './amqp-url.js'
import type { SidecarHost } from './host.js'
import { eventSettings } from './settings.js'
import { amqpOfSpring } from './spring-rabbitmq.js'

/** The connection to RabbitMQ of a sidecar, for all that use it. */
export interface SharedAmqp {
  readonly connection: AmqpConnection
  users: number
}

/** A use of it. */
export interface AmqpUse {
  readonly connection: AmqpConnection
  /** The last one closes the connection. */
  release(): Promise<void>
}

/**
 * Opens the connection to RabbitMQ, or takes the one that the sidecar has.
 *
 * @param url @default `sidecar.events.url`, else `spring.rabbitmq`
 */
export function amqpOf(host: SidecarHost, url?: string): AmqpUse {
  const key = url ?? ''
  const shared = host.connections.get(key) ?? { connection: open(host, url), users: 0 }
  host.connections.set(key, shared)
  shared.users++
  let released: Promise<void> | undefined
  const release = async () => {
    if (--shared.users > 0) return
    host.connections.delete(key)
    await shared.connection.close()
  }
  return { connection: shared.connection, release: () => (released ??= release()) }
}

function open(host: SidecarHost, url: string | undefined): AmqpConnection {
  const { settings, logger, emit } = host
  const connection: AmqpConnection = createAmqpConnection({
    ...(url === undefined ? liveSource(host) : fixedSource(url)),
    name: settings.application.name ?? 'nacos-sidecar',
    logger,
    onLost: (error) => emit('busLost', { url: connection.status().url, error }),
    onFound: () => emit('busFound', { url: connection.status().url }),
  })
  return connection
}

function fixedSource(url: string): AmqpSource {
  const settings = parseAmqpUrl(url, 'events(sidecar, { url })')
  return { read: () => settings, onChange: () => () => {} }
}

/** That of the settings, which may come from Nacos and change there: a new password. */
function liveSource(host: SidecarHost): AmqpSource {
  const read = (): AmqpSettings => {
    const { url } = eventSettings(host)
    if (url === undefined) return amqpOfSpring(host.store)
    if (isAmqpUrl(url)) return parseAmqpUrl(url, 'sidecar.events.url')
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      'sidecar.events.url: expected a URL such as amqp://user:password@host',
    )
  }
  const text = () => {
    try {
      return JSON.stringify(read())
    } catch (error) {
      return String(error)
    }
  }
  return {
    read,
    onChange(listener) {
      let last = text()
      return host.store.watch(() => {
        const now = text()
        if (now === last) return
        last = now
        listener()
      })
    },
  }
}
