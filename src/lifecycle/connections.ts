import type { Server as HttpServer, ServerResponse } from 'node:http'
import type { Http2Session } from 'node:http2'
import type { Socket } from 'node:net'

/** The connections of a server, its WebSockets and its HTTP/2 sessions. */
export interface Connections {
  /** Of TCP; those of a TLS server are there a second time, decrypted, in `secured`. */
  readonly sockets: ReadonlyMap<Socket, number>
  readonly secured: ReadonlyMap<Socket, number>
  readonly sessions: ReadonlyMap<Http2Session, number>
  /** Answers that are under way. */
  answers(): ServerResponse[]
  /** How many connections are not HTTP any more: WebSockets, mostly. */
  upgraded(): number
  stop(): void
}

/** node:http's own: the answer that is under way on a connection. */
interface AnsweringSocket extends Socket {
  /** `null` once the connection is not HTTP any more; absent on one that never was. */
  readonly parser?: object | null
  readonly _httpMessage?: ServerResponse | null
}

export interface ConnectionsOptions {
  /** While true, nothing else in the process is to destroy a connection. */
  protecting(): boolean
  /** Something else in this process destroyed a connection in the middle of an answer. */
  onCut(): void
}

export function trackConnections(server: HttpServer, options: ConnectionsOptions): Connections {
  const sockets = track<Socket>(server, 'connection')
  const secured = track<Socket>(server, 'secureConnection')
  const sessions = track<Http2Session>(server, 'session')

  // Ahead of other listeners: http-terminator destroys what is accepted after its `terminate()`.
  const protect = (socket: Socket) => {
    socket.once('close', () => {
      if (options.protecting() && wasCut(socket)) options.onCut()
    })
    if (!options.protecting()) return
    socket.destroy = () => socket
    process.nextTick(() => Reflect.deleteProperty(socket, 'destroy'))
  }
  server.prependListener('connection', protect)
  server.prependListener('secureConnection', protect)

  return {
    sockets: sockets.open,
    secured: secured.open,
    sessions: sessions.open,
    answers: () =>
      [...sockets.open.keys(), ...secured.open.keys()]
        .map((socket) => (socket as AnsweringSocket)._httpMessage)
        .filter((response) => response !== null && response !== undefined),
    upgraded: () =>
      [...sockets.open.keys(), ...secured.open.keys()].filter((socket) => (socket as AnsweringSocket).parser === null)
        .length,
    stop() {
      for (const one of [sockets, secured, sessions]) one.stop()
      server.off('connection', protect)
      server.off('secureConnection', protect)
    },
  }
}

/** It ended in the middle of an answer, and not by the other side. */
function wasCut(socket: AnsweringSocket): boolean {
  const answer = socket._httpMessage
  return Boolean(answer) && !answer!.writableEnded && !socket.readableEnded && !socket.errored
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
