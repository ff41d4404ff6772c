import { once } from 'node:events'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { processSlot } from '../process-state.js'
import { trackConnections } from './connections.js'
import { drainBacklogAndClose } from './close-listener.js'
import { REFUSED_EVENT } from './http-server.js'
import { filterDrainHeaders, setDrainHeader } from './drain-header-filter.js'
import { finishConnections } from './finish-connections.js'
import { endEventStream, trackWebSockets, type WebSockets } from './streams.js'

export interface GracefulServerOptions {
  /** True from the first moment of the shutdown. */
  leaving(): boolean
  /** The app wants to close: when it may. */
  mayClose(): Promise<void>
  /** Asked when the app wants to close: what it does after that waits for this. @default nothing */
  mayGoOn?: (() => Promise<void> | undefined) | undefined
  /** Follow WebSockets, for `endStreams`. @default false */
  readonly endsStreams?: boolean
  /** The server has closed, by the app or by a sidecar. */
  onClosed?(): void
  /** While it drains: something else in this process destroyed a connection in the middle of an answer. */
  onCut?(): void
}

/** The connections of a server, as numbers. */
export interface ServerConnections {
  /** Of TCP. */
  readonly open: number
  /** Requests that are being answered. */
  readonly answering: number
  /** WebSockets and the like. */
  readonly upgraded: number
}

/** Wraps the app's server so that the sidecar controls its shutdown. Several sidecars may share one server. */
export interface GracefulServer {
  readonly server: HttpServer
  /** True while another sidecar serves by this server too: its last owner closes it. */
  readonly shared: boolean
  /** From now on responses, also those under way, carry `Connection: close`: keep-alive clients reconnect elsewhere. */
  disableKeepAlive(): void
  /** Undoes that: the server listens again. */
  enableKeepAlive(): void
  /** Those responses also carry the drain header: only for an address that no other process serves. */
  advertiseDrain(drainHeader: () => string | undefined): void
  /** After `disableKeepAlive`: called with each request. */
  observe(listener: ((request: IncomingMessage) => void) | undefined): void
  /** Accepts no new connections; open ones go on, each with `Connection: close` in its next response. */
  stopAccepting(): Promise<void>
  /** After that: settles when the last connection is gone, and a cluster's primary sends no more. */
  whenEmpty(): Promise<void>
  /**
   * Stops accepting, finishes what is in flight, and after `timeoutMs`, or when `over` aborts, cuts what is left; returns
   * how many that were.
   */
  closeWithin(timeoutMs: number, over?: AbortSignal): Promise<number>
  /** How many connections go on until they are ended: WebSockets, and answers that are under way. */
  busyConnections(): number
  /** Its connections, whichever sidecar serves by it. */
  connections(): ServerConnections
  /** Ends WebSockets and event streams. */
  endStreams(): void
  /** Gives the server back as it was, once every owner has. */
  unwrap(): void
}

/** A cluster's primary may have sent a connection before it knows that this worker accepts no more. */
const HANDOVER_MS = 300

export interface Owner extends GracefulServerOptions {
  keepAliveOff: boolean
  drainHeader?: () => string | undefined
  observer?: (request: IncomingMessage) => void
  webSockets?: WebSockets
}

/** What is done to a server once, for all its owners. */
export interface WrappedServer {
  readonly owners: Set<Owner>
  addOwner(owner: Owner): GracefulServer
}

/** Owners of one server may be of several copies of the package. */
const wrappedServers = () => processSlot('gracefulServers', () => new WeakMap())

/**
 * Takes `close` over, so that the app's `server.close(() => process.exit())` waits for the drain and then runs as if
 * nothing had happened. While leaving, the calls that cut connections wait with it.
 */
export function wrapServer(server: HttpServer, options: GracefulServerOptions): GracefulServer {
  let wrapped = wrappedServers().get(server)
  if (!wrapped) wrappedServers().set(server, (wrapped = createWrappedServer(server)))
  return wrapped.addOwner({ ...options, keepAliveOff: false })
}

function createWrappedServer(server: HttpServer): WrappedServer {
  const owners = new Set<Owner>()
  const close = server.close.bind(server)
  const closeIdle = server.closeIdleConnections?.bind(server)
  const closeAll = server.closeAllConnections?.bind(server)
  let closing: Promise<void> | undefined
  let keepIdle = false
  let closed = false
  /** The app's close waits, or a sidecar's own has not begun. */
  let draining = false

  const everyOwner = (test: (owner: Owner) => boolean) => owners.size > 0 && [...owners].every(test)
  const leaving = () => [...owners].some((owner) => owner.leaving())
  const mayClose = () => Promise.all([...owners].map((owner) => owner.mayClose()))
  const mayGoOn = () => {
    const holds = [...owners].map((owner) => owner.mayGoOn?.()).filter((hold) => hold !== undefined)
    return holds.length > 0 ? Promise.all(holds) : undefined
  }

  const connections = trackConnections(server, {
    protecting: () => draining && everyOwner((owner) => owner.keepAliveOff),
    onCut: () => owners.forEach((owner) => owner.onCut?.()),
  })
  const { sessions } = connections

  const onListening = () => {
    closing = undefined
    closed = draining = false
  }
  const onClose = () => {
    closed = true
    draining = false
    for (const owner of [...owners]) owner.onClosed?.()
  }
  // HTTP/2 forbids the header; its sessions get GOAWAY.
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    for (const owner of owners) owner.observer?.(request)
    if (request.httpVersionMajor < 2) addCloseHeaders(response)
  }
  const stopFiltering = filterDrainHeaders(server)
  server.on('listening', onListening)
  server.on('close', onClose)

  function stopAccepting(): Promise<void> {
    return (closing ??= server.listening ? drainBacklogAndClose(server, closeListener) : Promise.resolve())
  }

  function closeListener(): void {
    draining = false
    // node:http would cut idle connections here, on one of which the next request may be under way.
    keepIdle = true
    close()
    keepIdle = false
    for (const [session] of sessions) session.close()
  }

  function addCloseHeaders(response: ServerResponse): void {
    if (response.headersSent || !everyOwner((owner) => owner.keepAliveOff)) return
    response.setHeader('Connection', 'close')
    const header = [...owners].find((owner) => owner.drainHeader)?.drainHeader?.()
    if (header !== undefined) setDrainHeader(response, header)
  }

  const addCloseHeadersToAll = () => connections.answers().forEach(addCloseHeaders)

  async function closeForApp(callback?: (error?: Error) => void): Promise<void> {
    // Not open, or not any more: Node's own error.
    if (!closing && !server.listening) return void close(callback)
    await stopAccepting()
    closeIdle?.()
    // The sidecar may have closed it first: the app still gets a successful close.
    if (closed) callback?.()
    else if (callback) server.once('close', () => callback())
  }

  const whenAllowed = (cut: () => void) => () => {
    if (keepIdle) return
    if (leaving()) void mayClose().then(cut)
    else cut()
  }
  const restore = [
    override(server, 'close', (callback) => {
      const hold = mayGoOn()
      void mayClose().then(() =>
        closeForApp(hold && callback ? (error) => void hold.then(() => callback(error)) : callback),
      )
      return server
    }),
    closeIdle && override(server, 'closeIdleConnections', whenAllowed(closeIdle)),
    closeAll && override(server, 'closeAllConnections', whenAllowed(closeAll)),
  ]

  function removeOwner(owner: Owner): void {
    if (!owners.delete(owner)) return
    owner.webSockets?.stop()
    // The remaining owners may have been waiting for this one.
    if (owners.size > 0) return addCloseHeadersToAll()
    wrappedServers().delete(server)
    for (const undo of restore) undo?.()
    connections.stop()
    server.off('listening', onListening)
    server.off('close', onClose)
    stopRequests()
    stopFiltering()
  }

  function stopRequests(): void {
    server.off('request', onRequest)
    server.off(REFUSED_EVENT, onRequest)
  }

  function addOwner(owner: Owner): GracefulServer {
    owners.add(owner)
    if (owner.endsStreams) owner.webSockets = trackWebSockets(server)
    const shared = () => [...owners].some((other) => other !== owner)
    return {
      server,
      get shared() {
        return shared()
      },
      disableKeepAlive() {
        owner.keepAliveOff = draining = true
        // Only now: until then, requests pay nothing for it.
        if (!server.listeners('request').includes(onRequest)) {
          server.prependListener('request', onRequest)
          server.on(REFUSED_EVENT, onRequest)
        }
        addCloseHeadersToAll()
      },
      enableKeepAlive() {
        owner.keepAliveOff = false
        owner.drainHeader = owner.observer = undefined
        if (![...owners].some(({ keepAliveOff }) => keepAliveOff)) stopRequests()
      },
      advertiseDrain(drainHeader) {
        owner.drainHeader = drainHeader
        addCloseHeadersToAll()
      },
      observe(listener) {
        owner.observer = listener
      },
      stopAccepting: () => (shared() ? Promise.resolve() : stopAccepting()),
      async whenEmpty() {
        await Promise.all([closed || once(server, 'close'), wait(HANDOVER_MS)])
      },
      async closeWithin(timeoutMs, over) {
        if (shared()) return 0
        await stopAccepting()
        return closed ? 0 : finishConnections(server, connections, { closeIdle, closeAll, timeoutMs, over })
      },
      busyConnections: () => (shared() ? 0 : connections.upgraded() + connections.answers().length),
      connections: () => ({
        ...{ open: connections.sockets.size, answering: connections.answers().length },
        upgraded: connections.upgraded(),
      }),
      endStreams() {
        if (shared()) return
        owner.webSockets?.end()
        connections.answers().forEach(endEventStream)
      },
      unwrap: () => removeOwner(owner),
    }
  }

  return { owners, addOwner }
}

/** Puts a method of its own before an inherited one; returns what takes it away again. */
function override<K extends 'close' | 'closeIdleConnections' | 'closeAllConnections'>(
  server: HttpServer,
  method: K,
  own: HttpServer[K],
): () => void {
  const before = Object.getOwnPropertyDescriptor(server, method)
  server[method] = own
  return () => {
    // If other code has wrapped it since, its method must keep working.
    if (server[method] !== own) return
    if (before) Object.defineProperty(server, method, before)
    else Reflect.deleteProperty(server, method)
  }
}
