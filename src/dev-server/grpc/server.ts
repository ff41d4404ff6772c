import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import type { ServerHttp2Session } from 'node:http2'
import type { Logger } from '../../logger.js'
import type { Auth } from '../auth.js'
import type { Audience, Member } from '../console/audience.js'
import type { ConfigStore } from '../config-store.js'
import type { BeatTimes } from '../instance.js'
import type { Naming } from '../naming.js'
import { configHandlers } from './config-handlers.js'
import { ConfigWatches } from './config-watches.js'
import type { Connection } from './connection.js'
import { Connections } from './connections.js'
import { createDispatch } from './dispatch.js'
import { createHandle } from './handle.js'
import type { DevGrpc } from './handle.js'
import { serveGrpc } from './http2.js'
import { success } from './message.js'
import { namingHandlers } from './naming-handlers.js'
import { Publications } from './publications.js'
import { createServiceInfos } from './service-info.js'
import type { Generation } from '../naming-view.js'
import { acceptStream, addressOf, payloadOf } from './stream.js'
import type { Link } from './stream.js'
import { Subscriptions } from './subscriptions.js'
import type { GrpcTimes } from './times.js'

export interface GrpcOptions {
  readonly naming: Naming
  readonly store: ConfigStore
  readonly auth: Auth
  readonly logger: Logger
  readonly defaults: BeatTimes
  readonly times: GrpcTimes
  readonly generation: Generation
  /** Monotonic milliseconds. */
  readonly clock: () => number
}

export interface GrpcServer {
  /** To be told where to listen. */
  readonly listener: Server
  readonly handle: DevGrpc
  /** The clients that follow a service or a document over gRPC. */
  readonly audience: Pick<Audience, 'subscribers' | 'listeners'>
  stop(): Promise<void>
}

/** For clients to hang up by themselves when the registry stops. */
const STOP_GRACE_MS = 500

/** The gRPC side of the registry, over the same naming and configs as HTTP. */
export function createGrpc(options: GrpcOptions): GrpcServer {
  const { naming, store, times, generation, defaults, clock } = options
  const connections = new Connections(times, clock)
  const infos = createServiceInfos(naming, defaults, generation)
  const subscriptions = new Subscriptions({ naming, connections, infos, times })
  const watches = new ConfigWatches(store, connections, times)
  const publications = new Publications(naming, connections)
  const dispatch = createDispatch({
    ...options,
    handlers: {
      HealthCheckRequest: { answers: 'HealthCheckResponse', open: true, handle: () => success() },
      ...namingHandlers({ naming, infos, subscriptions, publications, defaults, generation }),
      ...configHandlers(store, watches),
    },
  })

  // A connection is known by its socket.
  const links = new Map<Link, ServerHttp2Session>()
  const listener = createServer({ noDelay: true }, (socket) => {
    const connectionId = `${Date.now()}_${addressOf(socket)}_${socket.remotePort}`
    const end = () => {
      if (link.connection?.open) link.idle.refresh()
      else socket.destroy()
    }
    const link: Link = { connectionId, socket, idle: setTimeout(end, times.setUpWithinMs).unref() }
    socket.on('error', () => {})
    socket.once('close', () => {
      links.delete(link)
      clearTimeout(link.idle)
      if (link.connection) connections.remove(link.connection)
    })
    const session = serveGrpc(socket, {
      request(payload) {
        const connection = link.connection?.open ? link.connection : undefined
        link.idle.refresh()
        const { type, message } = dispatch(payload, { connectionId, connection })
        return payloadOf(type, message)
      },
      requestBiStream: (stream) => acceptStream(stream, link, { connections, generation }),
    })
    links.set(link, session)
  })
  listener.once('listening', () => connections.startDetection())

  return {
    listener,
    handle: createHandle({ connections, subscriptions, watches, publications }),
    audience: {
      subscribers: (id) =>
        subscriptions.of(id).map(({ connection, clusters }) => ({ ...memberOf(connection), clusters })),
      listeners: (id) => watches.of(id).map(memberOf),
    },
    async stop() {
      connections.stopDetection()
      // Instances go away with the registry, not before it: no push is sent.
      subscriptions.close()
      watches.close()
      publications.close()
      const closed = once(listener, 'close')
      listener.close()
      for (const connection of connections.all()) {
        connection.line.end()
        connections.remove(connection)
      }
      // Says that no new request is taken, and ends with the last one.
      for (const session of links.values()) session.close()
      const cut = () => {
        for (const { socket } of links.keys()) socket.destroy()
      }
      const timer = setTimeout(cut, STOP_GRACE_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

function memberOf({ client }: Connection): Member {
  return { via: 'grpc', client: client.version, address: client.ip }
}
