import { ServerResponse, type IncomingMessage, type Server as HttpServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { isSecureServer } from '../lifecycle/http-server.js'
import { onlookers } from '../lifecycle/streams.js'
import { copyHeaders, type RawHeaders } from './response-headers.js'
import type { Tunnels } from './tunnels.js'

/** WebSockets of the app's servers that a proxy may pass on. */
export interface Upgrades {
  /** From now on, WebSockets of this server go through the app, as its other requests do. */
  watch(server: HttpServer): void
  /** Takes the connection of an upgrade over; `undefined` for a request that is none. */
  takeover(request: IncomingMessage): ((instance: Duplex, status: number, headers: RawHeaders) => void) | undefined
}

export interface UpgradesOptions {
  /** The app may pass this request to a proxy: asked where the app has WebSockets of its own. */
  isForProxy(request: IncomingMessage): boolean
  readonly tunnels: Tunnels
}

/** The two sides of an upgrade, as Node hands them over. */
interface Upgrade {
  readonly response: ServerResponse
  readonly socket: Duplex
  readonly head: Buffer
}

type Emit = (event: string, ...args: unknown[]) => boolean

/**
 * An upgrade is an event of the server, and passes no middleware. Here it is made a request again, with a response on its
 * bare socket: whatever stands before the proxy in the app (the guard, sessions, a mount path) stands before its WebSockets as
 * well, and what the app answers instead is the answer.
 */
export function createUpgrades({ isForProxy, tunnels }: UpgradesOptions): Upgrades {
  const watched = new WeakSet<HttpServer>()
  const upgrades = new WeakMap<IncomingMessage, Upgrade>()

  function onUpgrade(server: HttpServer, go: Emit, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const others = hasOthers(server)
    if (isWebSocket(request) && (!others || isForProxy(request))) return handle(server, request, socket, head)
    return others ? go('upgrade', request, socket, head) : asPlainRequest(server, request, socket, head)
  }

  function handle(server: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const response = new ServerResponse(request)
    // Unless it is taken over, the connection ends with the response.
    response.shouldKeepAlive = false
    // Node's own, of the request that came first.
    socket.on('error', () => {})
    response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0])
    response.once('finish', () => {
      response.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
      if (upgrades.has(request)) socket.end()
      response.destroyed = true
      response.emit('close')
    })
    upgrades.set(request, { response, socket, head })
    return server.emit('request', request, response as ServerResponse & { req: IncomingMessage })
  }

  return {
    watch(server) {
      if (watched.has(server)) return
      watched.add(server)
      // Node makes an event of an upgrade only if something listens.
      server.on('upgrade', lookOn)
      keepPlainRequests(server)
      const emit = server.emit as Emit
      server.emit = function (this: HttpServer, event: string, ...args: unknown[]) {
        if (event !== 'upgrade') return emit.call(server, event, ...args)
        const go: Emit = (...event) => emit.apply(server, event)
        return onUpgrade(server, go, ...(args as [IncomingMessage, Duplex, Buffer]))
      } as HttpServer['emit']
    },
    takeover(request) {
      const upgrade = upgrades.get(request)
      return upgrade && ((instance, _, headers) => accept(request, upgrade, instance, headers))
    },
  }

  function accept(request: IncomingMessage, upgrade: Upgrade, instance: Duplex, headers: RawHeaders): void {
    const { response, socket, head } = upgrade
    instance.on('error', () => {})
    if (socket.destroyed) return void instance.destroy()
    upgrades.delete(request)
    copyHeaders(response, SWITCHING, headers, undefined)
    response.removeHeader('content-length')
    response.setHeader('Connection', 'Upgrade')
    response.setHeader('Upgrade', request.headers.upgrade ?? 'websocket')
    response.once('finish', () => tunnels.open(socket, instance, head))
    socket.once('close', () => instance.destroy())
    response.writeHead(SWITCHING)
    response.end()
  }
}

const SWITCHING = 101
const lookOn = () => {}
onlookers.add(lookOn)

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

const hasOthers = (server: HttpServer) => server.listeners('upgrade').some((listener) => !onlookers.has(listener))

/**
 * Node 24.9 and later ask whether an offer is taken; one that is not is a request as any other. There the socket of an upgrade cannot be
 * read again.
 */
function keepPlainRequests(server: HttpServer): void {
  const asked = server as HttpServer & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean }
  const { shouldUpgradeCallback: decide } = asked
  if (decide === undefined) return
  asked.shouldUpgradeCallback = (request) => (hasOthers(server) || isWebSocket(request)) && decide.call(server, request)
}

/**
 * Without a listener, Node would have answered this request as any other, whatever it offers to upgrade to (Java's HTTP client
 * offers h2c with each first request, also with a body). So it is read again, without the offer.
 */
function asPlainRequest(server: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]!, rawHeaders[at + 1]!]
    if (/^(?:upgrade|http2-settings)$/i.test(name)) continue
    lines.push(`${name}: ${/^connection$/i.test(name) ? withoutOffer(value) : value}`)
  }
  if (head.length > 0) socket.unshift(head)
  socket.unshift(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
  const event = isSecureServer(server) ? 'secureConnection' : 'connection'
  // Node's own: to all others the connection is not new.
  const [read] = server.listeners(event).filter(({ name }) => name === 'connectionListener')
  if (read === undefined) return server.emit(event, socket as never)
  read.call(server, socket)
  return true
}

function withoutOffer(connection: string): string {
  const kept = connection.split(',').filter((token) => !/^\s*(?:upgrade|http2-settings)\s*$/i.test(token))
  return kept.join(',').trim() || 'keep-alive'
}
