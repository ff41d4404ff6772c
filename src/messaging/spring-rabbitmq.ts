import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { relaxedInput } from '../config/relaxed-input.js'
import { messageOf, SidecarError } from '../errors.js'
import { parsePath } from '../properties/path.js'
import type { PropertyStore } from '../properties/store.js'
import { rabbitmq, type RabbitmqSettings } from '../settings/schema/rabbitmq.js'
import { kebab } from '../settings/shape.js'
import type { AmqpSettings } from './amqp-settings.js'
import { isAmqpUrl, parseAmqpUrl } from './amqp-url.js'

/**
 * `spring.rabbitmq` of all properties, as it is now.
 *
 * @throws SidecarError `SIDECAR_SETTINGS_INVALID`; no message repeats a value
 */
export function readRabbitmq(store: PropertyStore): RabbitmqSettings {
  const result = rabbitmq.safeParse(relaxedInput(store, parsePath('spring.rabbitmq')) ?? {}, { jitless: true })
  if (result.success) return result.data
  const issues = result.error.issues.map(
    ({ path, message }) => `${path.map((key) => kebab(String(key))).join('.')}: ${message}`,
  )
  throw new SidecarError('SIDECAR_SETTINGS_INVALID', `spring.rabbitmq: ${issues.join('; ')}`)
}

/** How `spring.rabbitmq` says that RabbitMQ is reached: `addresses` are stronger than `host` and `port`. */
export function amqpOfSpring(store: PropertyStore): AmqpSettings {
  const own = readRabbitmq(store)
  const { username, password, virtualHost: vhost = '/', ssl } = own
  const urls = own.addresses.map((address) => addressOf(address, own))
  const [first] = urls
  const encrypted = ssl.enabled ?? first?.tls !== false
  const tls = (first === undefined ? ssl.enabled === true : encrypted) && tlsOf(store, ssl)
  const port = own.port || (tls ? 5671 : 5672)
  return {
    ...{ username, password, vhost },
    ...(first && 'username' in first && { username: first.username, password: first.password }),
    ...(first?.vhost !== undefined && { vhost: first.vhost }),
    addresses: first === undefined ? [{ host: own.host, port }] : urls.map((url) => url.address),
    tls,
    heartbeatSeconds: own.requestedHeartbeat === undefined ? undefined : Math.ceil(own.requestedHeartbeat / 1000),
    connectTimeoutMs: own.connectionTimeout,
  }
}

interface Address {
  readonly address: { readonly host: string; readonly port: number }
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
  readonly vhost?: string | undefined
}

/** `host`, `host:port`, or a URL. */
function addressOf(written: string, { ssl }: RabbitmqSettings): Address {
  if (isAmqpUrl(written)) {
    const { addresses, tls, username, password, vhost } = parseAmqpUrl(written, 'spring.rabbitmq.addresses')
    const named = written.slice(written.indexOf('://') + 3)
    return {
      ...{ address: addresses[0]!, tls: tls !== false },
      ...(named.includes('@') && { username, password }),
      ...(named.includes('/') && { vhost }),
    }
  }
  const tls = ssl.enabled === true
  const [, host, port] = /^(\[[\da-f:.]+\]|[^:/@\s]+)(?::(\d{1,5}))?$/i.exec(written.trim()) ?? []
  if (host === undefined)
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      'spring.rabbitmq.addresses: expected host:port, or a URL of AMQP',
    )
  return { address: { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? (tls ? 5671 : 5672)) }, tls }
}

/** Certificates are those of an SSL bundle of PEM: `spring.ssl.bundle.pem.<name>`. Java's key stores cannot be read here. */
function tlsOf(store: PropertyStore, { bundle, validateServerCertificate, verifyHostname }: RabbitmqSettings['ssl']) {
  const options: ConnectionOptions = {
    ...(!validateServerCertificate && { rejectUnauthorized: false }),
    ...(!verifyHostname && { checkServerIdentity: () => undefined }),
  }
  if (bundle === undefined) return options
  const pem = (name: string) => pemOf(store, `spring.ssl.bundle.pem.${bundle}.${name}`)
  const [ca, cert, key] = [pem('truststore.certificate'), pem('keystore.certificate'), pem('keystore.private-key')]
  const passphrase = store.text(`spring.ssl.bundle.pem.${bundle}.keystore.private-key-password`)
  if (ca === undefined && cert === undefined)
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      `spring.rabbitmq.ssl.bundle: there is no bundle of PEM named ${bundle} (spring.ssl.bundle.pem.${bundle})`,
    )
  return {
    ...options,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(passphrase && { passphrase }),
  }
}

/** The text itself, or a file. */
function pemOf(store: PropertyStore, name: string): string | undefined {
  const value = store.text(name)
  if (value === undefined || value === '' || value.includes('-----BEGIN')) return value || undefined
  const file = value.replace(/^(?:file|classpath):(?:\/\/(?=\/))?/, '')
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new SidecarError('SIDECAR_SETTINGS_INVALID', `${name}: ${messageOf(error)}`)
  }
}
