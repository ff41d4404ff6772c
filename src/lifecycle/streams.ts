import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** A WebSocket's close frame of a server, 1001: going away (RFC 6455, 7.4.1). */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9])
/** How long the other side may take to answer it. */
const ANSWER_MS = 1_000

/** The WebSockets of a server, by their handshakes. */
export interface WebSockets {
  /** Tells each to go, and ends those that stay. */
  end(): void
  stop(): void
}

/** Listeners of `upgrade` that only look on: where there is no other, the app takes no upgrade. */
export const onlookers = new WeakSet<object>()

/** Listens to upgrades only while the app does: a listener makes node:http upgrade what it would answer otherwise. */
export function trackWebSockets(server: HttpServer): WebSockets {
  const open = new Set<Duplex>()
  const add = ({ headers }: IncomingMessage, socket: Duplex) => {
    if (headers.upgrade?.toLowerCase() !== 'websocket') return
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  }
  onlookers.add(add)
  const listening = () => server.listeners('upgrade').includes(add)
  const follow = (event: string | symbol) => {
    if (event === 'upgrade' && !listening()) server.prependListener('upgrade', add)
  }
  const unfollow = (event: string | symbol) => {
    if (event === 'upgrade' && listening() && server.listenerCount('upgrade') === 1) server.off('upgrade', add)
  }
  if (server.listenerCount('upgrade') > 0) follow('upgrade')
  server.on('newListener', follow)
  server.on('removeListener', unfollow)

  return {
    end() {
      for (const socket of open) {
        if (socket.writable) socket.write(GOING_AWAY)
        setTimeout(() => socket.end(), ANSWER_MS).unref()
      }
    },
    stop() {
      server.off('newListener', follow)
      server.off('removeListener', unfollow)
      server.off('upgrade', add)
    },
  }
}

/** Ends an answer that would go on for as long as it is listened to: its client asks again, elsewhere. */
export function endEventStream(response: ServerResponse): void {
  // node:http's own: the head as it was sent, whether by `setHeader` or in `writeHead`.
  const { _header: head } = response as ServerResponse & { readonly _header?: string | null }
  if (/^content-type:\s*text\/event-stream\b/im.test(head ?? '') && !response.writableEnded) response.end()
}
