import { createAmqpBroker } from './amqp/broker.js'
import { isAmqpUrl, parseAmqpUrl } from './amqp-url.js'
import type { Broker } from './broker.js'
import type { SidecarHost } from './host.js'
import { eventSettings } from './settings.js'
import { createMemoryBroker } from './memory/broker.js'
import { invalid } from './names.js'
import { amqpOf } from './shared-amqp.js'

const MEMORY = 'memory:'

/**
 * @throws SidecarError `SIDECAR_EVENT_INVALID` for a URL that no broker has, `SIDECAR_SETTINGS_INVALID` for one of AMQP that cannot be
 * read
 */
export function checkUrl(url: unknown): string | undefined {
  if (url === undefined || (typeof url === 'string' && url.startsWith(MEMORY))) return url
  if (typeof url !== 'string' || !isAmqpUrl(url))
    throw invalid('events(sidecar)', 'url: expected memory:, or a URL such as amqp://user:password@host:5672/vhost')
  parseAmqpUrl(url, 'events(sidecar, { url })')
  return url
}

/** @param url @default that of the settings */
export function openBroker(host: SidecarHost, url: string | undefined): Broker {
  const wanted = url ?? eventSettings(host).url
  if (wanted?.startsWith(MEMORY) === true) {
    const shown = { url: wanted }
    return createMemoryBroker({
      name: wanted.slice(MEMORY.length),
      onLost: (error) => host.emit('busLost', { ...shown, error }),
      onFound: () => host.emit('busFound', shown),
    })
  }
  const { connection, release } = amqpOf(host, url)
  const broker = createAmqpBroker({ connection, logger: host.logger })
  return {
    ...broker,
    async close() {
      await broker.close()
      await release()
    },
  }
}
