import type { Socket } from 'node:net'
import type { Connection, Line } from './connection.js'
import type { Connections } from './connections.js'
import { GrpcRefusal, messageIn, parseMessage, textOf } from './message.js'
import type { Message } from './message.js'
import { scalarsOf } from '../naming-params.js'
import type { PayloadStream, StreamListener } from './http2.js'
import type { Payload } from './payload.js'
import type { Generation } from '../naming-view.js'

/** A socket, and the client that set itself up on it. Nacos knows a connection by its socket, streams and calls alike. */
export interface Link {
  readonly connectionId: string
  readonly socket: Socket
  connection?: Connection
  /** Closes the socket of a client that never sets up a stream. */
  readonly idle: NodeJS.Timeout
}

export interface StreamOptions {
  readonly connections: Connections
  readonly generation: Generation
}

export function payloadOf(type: string, message: Message): Payload {
  return { type, headers: {}, body: Buffer.from(JSON.stringify(message)) }
}

/** The stream of a client: it sets up the connection, carries pushes out and their acknowledgements in. */
export function acceptStream(
  stream: PayloadStream,
  link: Link,
  { connections, generation }: StreamOptions,
): StreamListener {
  let own: Connection | undefined
  const line: Line = {
    send: (type, message) => stream.send(payloadOf(type, message)),
    end: () => stream.end(),
    cut: () => link.socket.destroy(),
  }

  const setUp = (body: Message) => {
    if (own) return
    // A client that opens another stream on the same socket means to start anew.
    if (link.connection?.open) {
      connections.remove(link.connection)
      link.connection.line.end()
    }
    const client = {
      version: textOf(body, 'clientVersion'),
      ip: addressOf(link.socket),
      namespace: textOf(body, 'tenant'),
      labels: scalarsOf(body['labels'] ?? {}) ?? {},
    }
    own = connections.add(link.connectionId, client, line)
    link.connection = own
    // What this registry can do beyond 2.x; a client that sees a word set uses it.
    const abilityTable = { supportPersistentInstanceByGrpc: true, fuzzyWatch: false, lock: false, mcp: false }
    if (generation === 3 && messageIn(body, 'abilityTable')) {
      own.tell('SetupAckRequest', { headers: {}, abilityTable, module: 'internal' })
    }
  }

  return {
    onPayload({ type, body }) {
      try {
        const message = parseMessage(body)
        if (type === 'ConnectionSetupRequest') return setUp(message)
        own?.touch()
        own?.acknowledge(textOf(message, 'requestId'), Number(message['resultCode'] ?? 200) === 200)
      } catch (error) {
        // What cannot be read acknowledges nothing.
        if (!(error instanceof GrpcRefusal)) throw error
      }
    },
    onGone: () => own && connections.remove(own),
  }
}

/** Without the prefix of an IPv4 address on an IPv6 socket. */
export function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '')
}
