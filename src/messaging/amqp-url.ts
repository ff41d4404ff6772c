import { SidecarError } from '../errors.js'
import type { AmqpSettings } from './amqp-settings.js'

/** `pyamqp` is what Nameko and kombu write. */
const SCHEME = /^(?:py)?amqp(s)?:\/\//i

export function isAmqpUrl(text: string): boolean {
  return SCHEME.test(text)
}

/**
 * `amqp://user:password@host:5672/vhost?heartbeat=30&connection_timeout=5000`; several with commas between, of which the first has
 * user, password and vhost of all.
 *
 * @param where for the message, which repeats nothing of the URL: it may hold a password
 * @throws SidecarError `SIDECAR_SETTINGS_INVALID`
 */
export function parseAmqpUrl(text: string, where: string): AmqpSettings {
  const urls = text.split(/\s*,\s*(?=(?:py)?amqps?:\/\/)/i).map((one) => parsed(one.trim()))
  const [first] = urls
  if (first === undefined || urls.includes(undefined))
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      `${where}: expected a URL such as amqp://user:password@host:5672/vhost; encode special characters of the password (@ is %40)`,
    )
  const seconds = first.searchParams.get('heartbeat')
  const timeout = first.searchParams.get('connection_timeout')
  return {
    addresses: urls.map((url) => addressOf(url!)),
    username: decodeURIComponent(first.username) || 'guest',
    password: first.username === '' && first.password === '' ? 'guest' : decodeURIComponent(first.password),
    // Without one it is the default, whose name is a slash.
    vhost: decodeURIComponent(first.pathname.slice(1)) || '/',
    tls: isEncrypted(first) && {},
    heartbeatSeconds: seconds === null ? undefined : Number(seconds) || 0,
    connectTimeoutMs: timeout === null ? undefined : Number(timeout) || 0,
  }
}

function parsed(text: string): URL | undefined {
  const written = text.replace(/^pyamqp/i, 'amqp')
  if (!isAmqpUrl(written) || !URL.canParse(written)) return undefined
  const url = new URL(written)
  try {
    decodeURIComponent(url.username + url.password + url.pathname)
  } catch {
    return undefined
  }
  return url.hostname === '' ? undefined : url
}

const isEncrypted = ({ protocol }: URL) => protocol === 'amqps:'

function addressOf(url: URL): { host: string; port: number } {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { host, port: Number(url.port) || (isEncrypted(url) ? 5671 : 5672) }
}
