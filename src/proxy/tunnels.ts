import type { Duplex } from 'node:stream'
import { FrameBoundary } from './frame-boundary.js'

/** A WebSocket's close frame of a server, 1001: going away (RFC 6455, 7.4.1). */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9])
/** How long the client may take to answer it. */
const ANSWER_MS = 1_000

interface Tunnel {
  /** Says goodbye to the client, between two frames, and ends both sides. */
  end(): void
}

/** Connections that were upgraded, each with the one to its instance. */
export interface Tunnels {
  /** Passes bytes both ways until one side ends. */
  open(client: Duplex, instance: Duplex, first: Buffer): void
  endAll(): void
  readonly size: number
}

export function createTunnels(): Tunnels {
  const open = new Set<Tunnel>()
  return {
    open(client, instance, first) {
      const tunnel = join(client, instance, first)
      open.add(tunnel)
      client.once('close', () => open.delete(tunnel))
    },
    endAll: () => open.forEach((tunnel) => tunnel.end()),
    get size() {
      return open.size
    },
  }
}

function join(client: Duplex, instance: Duplex, first: Buffer): Tunnel {
  const frames = new FrameBoundary()
  let ending = false
  for (const [one, other] of [
    [client, instance],
    [instance, client],
  ] as const) {
    keepOpen(one)
    one.on('error', () => other.destroy())
    // One that breaks off ends nothing properly.
    one.on('close', () => (one.readableEnded ? other.end() : other.destroy()))
  }
  if (first.length > 0) instance.write(first)
  client.pipe(instance)
  instance.pipe(client)
  instance.on('data', (chunk: Buffer) => {
    frames.pass(chunk)
    if (ending && frames.between) sayGoodbye()
  })

  function sayGoodbye(): void {
    instance.unpipe(client)
    instance.resume()
    if (client.writable) client.write(GOING_AWAY)
  }

  return {
    end() {
      if (ending) return
      ending = true
      if (frames.between) sayGoodbye()
      setTimeout(() => {
        client.end()
        instance.end()
      }, ANSWER_MS).unref()
    },
  }
}

/** Both are of node:net, or of node:tls. */
interface Timed {
  setTimeout?(ms: number): unknown
  setNoDelay?(on: boolean): unknown
  setKeepAlive?(on: boolean, afterMs: number): unknown
}

/** A quiet WebSocket is none that has gone: only TCP can tell. */
function keepOpen(socket: Duplex & Timed): void {
  socket.setTimeout?.(0)
  socket.setNoDelay?.(true)
  socket.setKeepAlive?.(true, 30_000)
}
