import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { parseServerAddresses, type ServerAddress } from '../settings/server-address.js'
import type { Unsubscribe } from '../types.js'
import { aboutMs } from '../util/backoff.js'
import { Listeners } from '../util/listeners.js'
import { unlessAborted } from '../util/unless-aborted.js'
import type { HttpClient } from './http/client.js'
import { assertSuccess, malformed } from './http/dialects/parse-response.js'
import { RequestFailure } from './http/failure.js'

/** Where the addresses of a cluster come from: the settings, or an address server. */
export interface AddressSource {
  /** As they are known now; none before an address server has answered. */
  readonly current: readonly ServerAddress[]
  /** The URL of the address server, where there is one. */
  readonly url: string | undefined
  /** Waits until there are some. @throws RequestFailure where the address server cannot be asked */
  ready(signal: AbortSignal): Promise<void>
  /** Calls back when the list has changed. */
  onChange(listener: () => void): Unsubscribe
  close(): void
}

/** Addresses that stay as they are. */
export function fixedAddresses(addresses: readonly ServerAddress[]): AddressSource {
  return { current: addresses, url: undefined, ready: async () => {}, onChange: () => () => {}, close() {} }
}

export interface AddressServerOptions {
  readonly url: string
  /** Uses TLS for addresses without a scheme. */
  readonly tlsByDefault: boolean
  readonly client: HttpClient
  readonly logger: Logger
  /** Deadline of one question. */
  readonly timeoutMs: number
  /** Between two questions, ±10 %. @default 30000 */
  readonly refreshMs?: number
}

/** More than any cluster has: the rest of an answer is not worth a request each. */
const MOST_LINES = 1_000

/**
 * One address a line, or several with commas, as `cluster.conf` is written: with comments, and parameters
 * (`host:8848?weight=2`) that are no part of the address. A page holds none.
 */
export function readAddressList(text: string, tlsByDefault: boolean): { addresses: ServerAddress[]; unread: number } {
  const found = new Map<string, ServerAddress>()
  let unread = 0
  if (/^\s*[<{]/.test(text.replace(/^\ufeff/, ''))) return { addresses: [], unread }
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/[\r\n,;]+/)
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter(Boolean)
  for (const line of lines.slice(0, MOST_LINES)) {
    try {
      for (const address of parseServerAddresses(line.replace(/\?.*$/, ''), tlsByDefault).addresses) {
        found.set(address.authority, address)
      }
    } catch {
      unread += 1
    }
  }
  return { addresses: [...found.values()], unread }
}

const REFRESH_MS = 30_000
/** While it has never answered, it is asked no more often than this. */
const RETRY_MS = 1_000

/**
 * Addresses as an address server hands them out, one a line: asked when they are first needed, and again and again.
 * Its last answer stays in use while it does not answer, or answers something else.
 */
export function createAddressServer(options: AddressServerOptions): AddressSource {
  const { url, tlsByDefault, client, logger, timeoutMs, refreshMs = REFRESH_MS } = options
  const { hostname, port, pathname, search, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const tls = protocol === 'https:'
  const number = port === '' ? (tls ? 443 : 80) : Number(port)
  const server: ServerAddress = { host, port: number, tls, authority: `${hostname}:${number}` }
  const request = { method: 'GET', path: `${pathname}${search}`, root: true } as const
  const closed = new AbortController()
  const changes = new Listeners<void>({ name: 'the addresses of the registry', logger })
  let current: readonly ServerAddress[] = []
  let flight: Promise<void> | undefined
  let failure: RequestFailure | undefined
  let askedAtMs = -Infinity
  /** How many lines were logged. */
  let said = 0
  let timer: NodeJS.Timeout | undefined

  async function ask(): Promise<void> {
    askedAtMs = performance.now()
    try {
      take(await read())
      if (failure) logger.info(`Address server ${url} answers again`)
      failure = undefined
    } catch (error) {
      if (closed.signal.aborted) throw error
      const why = error instanceof RequestFailure ? error : new RequestFailure('malformed', messageOf(error))
      const kept = current.length > 0 ? '; the last addresses stay in use' : ''
      if (!failure) logger.warn(`Address server ${url} fails: ${why.detail}${kept}`)
      failure = Object.assign(new RequestFailure(why.kind, `the address server ${url}: ${why.detail}`, why.code), {
        advice: 'Check cloud.nacos.endpoint and that the address server runs.',
      })
      throw failure
    }
  }

  async function read(): Promise<ServerAddress[]> {
    const response = await client.send(server, request, { timeoutMs, signal: closed.signal, idempotent: true })
    assertSuccess(response)
    const { addresses, unread } = readAddressList(response.body, tlsByDefault)
    if (addresses.length === 0) throw malformed('is not a list of addresses', response)
    if (unread !== said && unread > 0) {
      logger.warn(
        `Address server ${url} lists ${addresses.length} addresses, and ${unread} lines that are not addresses`,
      )
    }
    said = unread
    return addresses
  }

  function take(next: readonly ServerAddress[]): void {
    const sorted = [...next].sort((a, b) => (a.authority < b.authority ? -1 : 1))
    if (isDeepStrictEqual(sorted, current)) return
    current = sorted
    logger.info(`Address server ${url} names ${sorted.map(({ authority }) => authority).join(', ')}`)
    changes.emit()
  }

  const refresh = (): Promise<void> =>
    (flight ??= ask().finally(() => {
      flight = undefined
      clearTimeout(timer)
      if (closed.signal.aborted) return
      timer = setTimeout(
        () => void refresh().catch(() => {}),
        current.length > 0 ? aboutMs(refreshMs) : RETRY_MS,
      ).unref()
    }))

  return {
    get current() {
      return current
    },
    url,
    async ready(signal) {
      if (current.length > 0) return
      if (!flight && failure && performance.now() - askedAtMs < RETRY_MS) throw failure
      await unlessAborted(refresh(), signal)
    },
    onChange: (listener) => changes.add(listener),
    close() {
      closed.abort()
      clearTimeout(timer)
      changes.clear()
    },
  }
}
