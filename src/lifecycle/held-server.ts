import { once } from 'node:events'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Http2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { LEAVING_HEADER } from '../leaving-mark.js'
import { shutDoor } from './door.js'

export interface HoldOptions {
  /** True from the first moment of leaving. */
  leaving(): boolean
  /** The app wants to close: when it may. */
  mayClose(): Promise<void>
}

/** The app's server, whose end the sidecar conducts. */
export interface HeldServer {
  /** From now on answers, those under way too, carry `Connection: close`, which sends keep-alive clients elsewhere. */
  turnAway(): void
  /** Those answers tell the clients of sidecars, too, not to come again: at an address that nobody else serves. */
  sendElsewhere(mark: () => string | undefined): void
  /** Takes no new connections; those there are go on, each told `Connection: close` with its next answer. */
  stopAccepting(): Promise<void>
  /** After that: settles when the last connection is gone, and a cluster's primary knows that no more are taken. */
  emptied(): Promise<void>
  /** Stops accepting, finishes what is in flight, and after `timeoutMs` cuts what is left; returns how many that were. */
  finish(timeoutMs: number): Promise<number>
  /** Gives the server back as it was. */
  release(): void
}

const SWEEP_MS = 50
/** A connection made in advance, on which nothing has been asked, keeps a closed server open for no longer. */
const SILENT_MS = 1_000
/** A cluster's primary may have sent a connection on its way before it hears that this worker takes no more. */
const HANDOVER_MS = 300

/**
 * Takes `close` over, so that the app's `server.close(() => process.exit())` waits for the drain and then runs as if
 * nothing had happened. While leaving, the calls that cut connections wait with it.
 */
export function holdServer(server: HttpServer, { leaving, mayClose }: HoldOptions): HeldServer {
  const close = server.close.bind(server)
  const closeIdle = server.closeIdleConnections?.bind(server)
  const closeAll = server.closeAllConnections?.bind(server)
  let shutting: Promise<void> | undefined
  let keepIdle = false
  let closed = false
  let leavingMark: (() => string | undefined) | undefined

  const onClose = () => void (closed = true)
  // HTTP/2 forbids the header; its sessions are told by GOAWAY.
  const onRequest = ({ httpVersionMajor }: IncomingMessage, response: ServerResponse) => {
    if (httpVersionMajor < 2) sendAway(response)
  }
  const sockets = track<Socket>(server, 'connection')
  const secured = track<Socket>(server, 'secureConnection')
  const everySocket = () => [...sockets.open, ...secured.open]
  const sendAllAway = () => {
    for (const [socket] of everySocket()) sendAway((socket as AnsweringSocket)._httpMessage)
  }
  const sessions = track<Http2Session>(server, 'session')
  server.on('close', onClose)

  const stopAccepting = (): Promise<void> =>
    (shutting ??= server.listening ? shutDoor(server, shut) : Promise.resolve())

  function shut(): void {
    // node:http would cut idle connections here, on one of which the next request may be under way.
    keepIdle = true
    close()
    keepIdle = false
    for (const [session] of sessions.open) session.close()
  }

  function sendAway(response: ServerResponse | null | undefined): void {
    if (!response || response.headersSent) return
    response.setHeader('Connection', 'close')
    const mark = leavingMark?.()
    if (mark !== undefined) response.setHeader(LEAVING_HEADER, mark)
  }

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

  return {
    turnAway() {
      // Only now: until then, requests pay nothing for it.
      if (server.listeners('request').includes(onRequest)) return
      server.prependListener('request', onRequest)
      sendAllAway()
    },
    sendElsewhere(mark) {
      leavingMark = mark
      sendAllAway()
    },
    stopAccepting,
    async emptied() {
      await Promise.all([closed || once(server, 'close'), wait(HANDOVER_MS)])
    },
    async finish(timeoutMs) {
      await stopAccepting()
      if (closed) return 0
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
          const cut = sockets.open.size
          for (const [socket] of sockets.open) socket.destroy()
          closeAll?.()
          end(cut)
        }, timeoutMs)
        server.once('close', onEnd)
      })
    },
    release() {
      for (const undo of restore) undo?.()
      sockets.stop()
      secured.stop()
      sessions.stop()
      server.off('close', onClose)
      server.off('request', onRequest)
    },
  }
}

/** node:http's own: the answer that is under way on a connection. */
interface AnsweringSocket extends Socket {
  readonly _httpMessage?: ServerResponse | null
}

/** The connections or sessions that are open, by the event that announces one, and what had been read by then. */
function track<T extends Socket | Http2Session>(
  server: HttpServer,
  event: 'connection' | 'secureConnection' | 'session',
) {
  const open = new Map<T, number>()
  const add = (one: T) => {
    open.set(one, 'bytesRead' in one ? one.bytesRead : 0)
    one.once('close', () => open.delete(one))
  }
  server.on(event, add)
  return { open, stop: () => void server.off(event, add) }
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
