import { once } from 'node:events'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { sharedSlot } from '../shared-state.js'
import { trackConnections } from './connections.js'
import { shutDoor } from './door.js'
import { keepMarksOwn, setOwnMark } from './own-mark.js'
import { endEventStream, trackWebSockets, type WebSockets } from './streams.js'

export interface HoldOptions {
  /** True from the first moment of leaving. */
  leaving(): boolean
  /** The app wants to close: when it may. */
  mayClose(): Promise<void>
  /** Follow WebSockets, for `endStreams`. @default false */
  readonly endsStreams?: boolean
  /** The server has closed, whoever closed it. */
  onClosed?(): void
  /** While it drains: something else in this process destroyed a connection in the middle of an answer. */
  onCut?(): void
}

/** The app's server, whose end the sidecar conducts; one of several sidecars, where several stand before one app. */
export interface HeldServer {
  readonly server: HttpServer
  /** True while another sidecar serves by this server too: its last owner closes it. */
  readonly shared: boolean
  /** From now on answers, those under way too, carry `Connection: close`, which sends keep-alive clients elsewhere. */
  turnAway(): void
  /** Undoes that: the server listens again. */
  takeBack(): void
  /** Those answers tell the clients of sidecars, too, not to come again: at an address that nobody else serves. */
  sendElsewhere(mark: () => string | undefined): void
  /** After `turnAway`: told of each request. */
  observe(listener: ((request: IncomingMessage) => void) | undefined): void
  /** Takes no new connections; those there are go on, each told `Connection: close` with its next answer. */
  stopAccepting(): Promise<void>
  /** After that: settles when the last connection is gone, and a cluster's primary knows that no more are taken. */
  emptied(): Promise<void>
  /** Stops accepting, finishes what is in flight, and after `timeoutMs` cuts what is left; returns how many that were. */
  finish(timeoutMs: number): Promise<number>
  /** How many connections go on until they are ended: WebSockets, and answers that are under way. */
  busy(): number
  /** Tells WebSockets and event streams to go. */
  endStreams(): void
  /** Gives the server back as it was, once every owner has. */
  release(): void
}

const SWEEP_MS = 50
/** A connection made in advance, on which nothing has been asked, keeps a closed server open for no longer. */
const SILENT_MS = 1_000
/** A cluster's primary may have sent a connection on its way before it hears that this worker takes no more. */
const HANDOVER_MS = 300

interface Owner extends HoldOptions {
  away: boolean
  mark?: () => string | undefined
  observer?: (request: IncomingMessage) => void
  webSockets?: WebSockets
}

/** What is done to a server once, for all its owners. */
interface Hold {
  readonly owners: Set<Owner>
  join(owner: Owner): HeldServer
}

/** Owners of one server may be of several copies of the package. */
const holds = () => sharedSlot('heldServers', () => new WeakMap<HttpServer, Hold>())

/**
 * Takes `close` over, so that the app's `server.close(() => process.exit())` waits for the drain and then runs as if
 * nothing had happened. While leaving, the calls that cut connections wait with it.
 */
export function holdServer(server: HttpServer, options: HoldOptions): HeldServer {
  let hold = holds().get(server)
  if (!hold) holds().set(server, (hold = createHold(server)))
  return hold.join({ ...options, away: false })
}

function createHold(server: HttpServer): Hold {
  const owners = new Set<Owner>()
  const close = server.close.bind(server)
  const closeIdle = server.closeIdleConnections?.bind(server)
  const closeAll = server.closeAllConnections?.bind(server)
  let shutting: Promise<void> | undefined
  let keepIdle = false
  let closed = false
  /** The app's close waits, or a sidecar's own has not begun. */
  let draining = false

  const everyOwner = (test: (owner: Owner) => boolean) => owners.size > 0 && [...owners].every(test)
  const leaving = () => [...owners].some((owner) => owner.leaving())
  const mayClose = () => Promise.all([...owners].map((owner) => owner.mayClose()))

  const connections = trackConnections(server, {
    protecting: () => draining && everyOwner((owner) => owner.away),
    onCut: () => owners.forEach((owner) => owner.onCut?.()),
  })
  const { sockets, secured, sessions } = connections
  const everySocket = () => [...sockets, ...secured]

  const onListening = () => {
    shutting = undefined
    closed = draining = false
  }
  const onClose = () => {
    closed = true
    draining = false
    for (const owner of [...owners]) owner.onClosed?.()
  }
  // HTTP/2 forbids the header; its sessions are told by GOAWAY.
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    for (const owner of owners) owner.observer?.(request)
    if (request.httpVersionMajor < 2) sendAway(response)
  }
  const endMarks = keepMarksOwn(server)
  server.on('listening', onListening)
  server.on('close', onClose)

  function stopAccepting(): Promise<void> {
    return (shutting ??= server.listening ? shutDoor(server, shut) : Promise.resolve())
  }

  function shut(): void {
    draining = false
    // node:http would cut idle connections here, on one of which the next request may be under way.
    keepIdle = true
    close()
    keepIdle = false
    for (const [session] of sessions) session.close()
  }

  function sendAway(response: ServerResponse): void {
    if (response.headersSent || !everyOwner((owner) => owner.away)) return
    response.setHeader('Connection', 'close')
    const mark = [...owners].find((owner) => owner.mark)?.mark?.()
    if (mark !== undefined) setOwnMark(response, mark)
  }

  const sendAllAway = () => connections.answers().forEach(sendAway)

  async function closeNow(callback?: (error?: Error) => void): Promise<void> {
    // Not open, or not any more: Node's own error.
    if (!shutting && !server.listening) return void close(callback)
    await stopAccepting()
    closeIdle?.()
    // The sidecar may have closed it first: the app still hears of a close that went well.
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
      void mayClose().then(() => closeNow(callback))
      return server
    }),
    closeIdle && override(server, 'closeIdleConnections', whenAllowed(closeIdle)),
    closeAll && override(server, 'closeAllConnections', whenAllowed(closeAll)),
  ]

  function finishNow(timeoutMs: number): Promise<number> {
    return new Promise((resolve) => {
      // A connection that falls idle after close() would otherwise stay for its keep-alive time.
      const sweep = setInterval(() => closeIdle?.(), SWEEP_MS)
      // To node:http, one that was never used is not idle.
      const hush = setTimeout(() => {
        // What has come while the event loop was busy is read before that.
        setImmediate(() => {
          for (const [socket, heard] of everySocket()) if (socket.bytesRead === heard) socket.destroy()
        })
      }, SILENT_MS)
      const end = (cut: number) => {
        clearInterval(sweep)
        clearTimeout(hush)
        clearTimeout(timer)
        server.off('close', onEnd)
        resolve(cut)
      }
      const onEnd = () => end(0)
      const timer = setTimeout(() => {
        const cut = sockets.size
        for (const [socket] of sockets) socket.destroy()
        closeAll?.()
        end(cut)
      }, timeoutMs)
      server.once('close', onEnd)
    })
  }

  function release(owner: Owner): void {
    if (!owners.delete(owner)) return
    owner.webSockets?.stop()
    // Those who are left may have been waiting for this one.
    if (owners.size > 0) return sendAllAway()
    holds().delete(server)
    for (const undo of restore) undo?.()
    connections.stop()
    server.off('listening', onListening)
    server.off('close', onClose)
    server.off('request', onRequest)
    endMarks()
  }

  function join(owner: Owner): HeldServer {
    owners.add(owner)
    if (owner.endsStreams) owner.webSockets = trackWebSockets(server)
    const shared = () => [...owners].some((other) => other !== owner)
    return {
      server,
      get shared() {
        return shared()
      },
      turnAway() {
        owner.away = draining = true
        // Only now: until then, requests pay nothing for it.
        if (!server.listeners('request').includes(onRequest)) server.prependListener('request', onRequest)
        sendAllAway()
      },
      takeBack() {
        owner.away = false
        owner.mark = owner.observer = undefined
        if (![...owners].some(({ away }) => away)) server.off('request', onRequest)
      },
      sendElsewhere(mark) {
        owner.mark = mark
        sendAllAway()
      },
      observe(listener) {
        owner.observer = listener
      },
      stopAccepting: () => (shared() ? Promise.resolve() : stopAccepting()),
      async emptied() {
        await Promise.all([closed || once(server, 'close'), wait(HANDOVER_MS)])
      },
      async finish(timeoutMs) {
        if (shared()) return 0
        await stopAccepting()
        return closed ? 0 : finishNow(timeoutMs)
      },
      busy: () => (shared() ? 0 : connections.upgraded() + connections.answers().length),
      endStreams() {
        if (shared()) return
        owner.webSockets?.end()
        connections.answers().forEach(endEventStream)
      },
      release: () => release(owner),
    }
  }

  return { owners, join }
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
    // Whoever wrapped it since keeps a working method.
    if (server[method] !== own) return
    if (before) Object.defineProperty(server, method, before)
    else Reflect.deleteProperty(server, method)
  }
}
