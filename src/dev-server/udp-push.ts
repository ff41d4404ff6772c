import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import { gzipSync } from 'node:zlib'
import { isLoopback } from './access.js'
import { createBatch } from './batch.js'
import type { Member } from './console/audience.js'
import type { BeatTimes } from './instance.js'
import type { Naming } from './naming.js'
import { filled, parseInteger } from './naming-params.js'
import { serviceJson } from './naming-view.js'
import type { Generation } from './naming-view.js'
import type { Call } from './router.js'
import { keyOf } from './service.js'
import type { ServiceId } from './service.js'

/** Times of the UDP push in milliseconds. */
export interface UdpTimes {
  /** From a change to its push; changes within it go out as one. Nacos takes 500. @default 1 */
  readonly pushDelayMs: number
  /** For an acknowledgement, after which the push is sent once more. @default 10000, as Nacos */
  readonly ackTimeoutMs: number
  /** A client is forgotten this long after its last list request. @default 10000, as Nacos */
  readonly forgetAfterMs: number
}

export const UDP_TIMES: UdpTimes = { pushDelayMs: 1, ackTimeoutMs: 10_000, forgetAfterMs: 10_000 }

/** Clients that Nacos pushes to, by how their User-Agent begins, from this version on. */
const PUSHED: readonly (readonly [agent: string, since: string])[] = [
  ['Nacos-Java-Client', '0.1.0'],
  ['Nacos-Go-Client', '0.1.0'],
  ['Nacos-DNS', '0.4.3'],
  ['Nacos-C-Client', '1.0.12'],
  ['Nacos-CSharp-Client', '0.9.0'],
]
/** From this size on a push is compressed, as Nacos does. */
const GZIP_FROM_BYTES = 1_024
/** What a loopback datagram holds at most. */
const LARGEST_BYTES = 60_000

export interface UdpPush {
  /** Notes the client of a list request that names a UDP port, where it is one that Nacos pushes to. */
  subscribe(call: Call, id: ServiceId, clusters: string): void
  /** Those of a service that are pushed to. */
  subscribers(id: ServiceId): Member[]
  close(): void
}

export interface UdpPushOptions {
  readonly naming: Naming
  readonly defaults: BeatTimes
  readonly generation: Generation
  readonly times: UdpTimes
  /** Monotonic milliseconds. */
  readonly clock: () => number
}

interface Subscriber {
  readonly id: ServiceId
  readonly ip: string
  readonly port: number
  readonly clusters: string
  /** Its User-Agent. */
  readonly client: string
  /** Of its last list request. */
  seenMs: number
}

/**
 * Tells the SDKs of Nacos 1.x of a change by UDP: a datagram with the new list, which the client acknowledges. To
 * loopback addresses only: the address is the client's own word, and nothing may be sent elsewhere on its behalf.
 */
export function createUdpPush({ naming, defaults, generation, times, clock }: UdpPushOptions): UdpPush {
  const services = new Map<string, Map<string, Subscriber>>()
  const unacknowledged = new Map<string, NodeJS.Timeout>()
  let socket: Socket | undefined
  let lastRefTime = 0

  const due = createBatch(times.pushDelayMs, (key) => {
    const now = clock()
    const subscribers = services.get(key)
    for (const [address, subscriber] of subscribers ?? []) {
      if (now - subscriber.seenMs > times.forgetAfterMs) subscribers!.delete(address)
      else push(subscriber)
    }
    if (subscribers?.size === 0) services.delete(key)
  })
  const onChange = (id: ServiceId) => {
    if (services.has(keyOf(id))) due.add(keyOf(id))
  }
  naming.on('change', onChange)

  function push({ id, ip, port, clusters }: Subscriber): void {
    const service = serviceJson(naming, id, { clusters, healthyOnly: false }, { defaults, generation })
    // The clients of then know a service by its grouped name alone.
    delete service['groupName']
    // Nacos sends nanoseconds; clients give the number back and compare nothing.
    lastRefTime = Math.max(Math.round(clock() * 1e6), lastRefTime + 1)
    const packet = { type: 'dom', data: JSON.stringify(service), lastRefTime }
    const plain = Buffer.from(JSON.stringify(packet))
    const bytes = plain.length < GZIP_FROM_BYTES ? plain : gzipSync(plain)
    // The client's next poll brings what no datagram holds.
    if (bytes.length > LARGEST_BYTES) return
    const key = ackKey(ip, port, lastRefTime)
    const send = () => open().send(bytes, port, ip, () => {})
    send()
    const again = () => {
      unacknowledged.delete(key)
      send()
    }
    unacknowledged.set(key, setTimeout(again, times.ackTimeoutMs).unref())
  }

  function open(): Socket {
    if (socket) return socket
    socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    socket.unref()
    // The port is closed; the next list request, or its absence, shows whether the client is gone.
    socket.on('error', () => {})
    socket.on('message', (message, { address, port }) => {
      const key = ackKey(address, port, refTimeOf(message))
      clearTimeout(unacknowledged.get(key))
      unacknowledged.delete(key)
    })
    return socket
  }

  return {
    subscribe(call, id, clusters) {
      const port = parseInteger(filled(call.params, 'udpPort') ?? '0') ?? 0
      const client = call.header('user-agent') ?? ''
      if (port <= 0 || port > 65_535 || !isPushed(client)) return
      // `clientIP` is ignored: a client of this machine receives on loopback, whatever address it names.
      if (!isLoopback(call.remote)) return
      const ip = isIPv4(call.remote) ? call.remote : '127.0.0.1'
      const key = keyOf(id)
      const subscribers = services.get(key) ?? new Map<string, Subscriber>()
      subscribers.set(`${ip}:${port}`, { id, ip, port, clusters, client, seenMs: clock() })
      services.set(key, subscribers)
    },

    subscribers(id) {
      const known = [...(services.get(keyOf(id))?.values() ?? [])]
      return known
        .filter(({ seenMs }) => clock() - seenMs <= times.forgetAfterMs)
        .map(({ ip, port, clusters, client }) => ({ via: 'udp', client, address: `${ip}:${port}`, clusters }))
    },

    close() {
      naming.off('change', onChange)
      due.close()
      for (const timer of unacknowledged.values()) clearTimeout(timer)
      unacknowledged.clear()
      socket?.close()
    },
  }
}

function isPushed(userAgent: string): boolean {
  const known = PUSHED.find(([agent]) => userAgent.startsWith(agent))
  const version = /:v(\d+)\.(\d+)\.(\d+)/.exec(userAgent)
  if (!known || !version) return false
  const since = known[1].split('.').map(Number)
  const given = version.slice(1, 4).map(Number)
  const at = since.findIndex((part, index) => part !== given[index])
  return at < 0 || given[at]! > since[at]!
}

function ackKey(ip: string, port: number, refTime: number): string {
  return `${ip}:${port}:${refTime}`
}

function refTimeOf(message: Buffer): number {
  try {
    const { lastRefTime } = JSON.parse(message.toString('utf8')) as { lastRefTime?: unknown }
    return Number(lastRefTime)
  } catch {
    return Number.NaN
  }
}
