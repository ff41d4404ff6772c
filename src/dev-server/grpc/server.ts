import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import type { ServerDuplexStream, ServerUnaryCall, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js'
import type { Logger } from '../../logger.js'
import type { Auth } from '../auth.js'
import type { ConfigStore } from '../config-store.js'
import type { BeatTimes } from '../instance.js'
import type { Naming } from '../naming.js'
import { configHandlers } from './config-handlers.js'
import { ConfigWatches } from './config-watches.js'
import { Connections } from './connections.js'
import { createDispatch } from './dispatch.js'
import { createHandle } from './handle.js'
import type { DevGrpc } from './handle.js'
import { success } from './message.js'
import { namingHandlers } from './naming-handlers.js'
import { decodePayload, encodePayload } from './payload.js'
import type { Payload } from './payload.js'
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
  stop(): Promise<void>
}

type Call = ServerUnaryCall<Payload, Payload>
type Stream = ServerDuplexStream<Payload, Payload>

/** As Nacos takes. */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024
/** For clients to hang up by themselves when the registry stops. */
const STOP_GRACE_MS = 500

/** The gRPC side of the registry, over the same naming and configs as HTTP. Loads `@grpc/grpc-js`. */
export async function createGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { Server: GrpcJsServer, ServerCredentials } = await import('@grpc/grpc-js')
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

  // The sockets are ours and not grpc-js's: a connection is known by its socket, and a test can break it.
  const links = new Map<string, Link>()
  const server = new GrpcJsServer({ 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES })
  server.addService(UNARY, {
    request(call: Call, callback: sendUnaryData<Payload>) {
      const link = links.get(call.getPeer())
      const connection = link?.connection?.open ? link.connection : undefined
      link?.idle.refresh()
      const { type, message } = dispatch(call.request, { connectionId: link?.connectionId ?? '', connection })
      callback(null, payloadOf(type, message))
    },
  })
  server.addService(STREAM, {
    requestBiStream(stream: Stream) {
      const link = links.get(stream.getPeer())
      if (link) acceptStream(stream, link, { connections, generation })
      else stream.end()
    },
  })
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const listener = createServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    const connectionId = `${Date.now()}_${addressOf(socket)}_${socket.remotePort}`
    const end = () => {
      if (link.connection?.open) link.idle.refresh()
      else socket.destroy()
    }
    const link: Link = { connectionId, socket, idle: setTimeout(end, times.setUpWithinMs).unref() }
    links.set(peer, link)
    socket.on('error', () => {})
    socket.once('close', () => {
      links.delete(peer)
      clearTimeout(link.idle)
      if (link.connection) connections.remove(link.connection)
    })
    injector.injectConnection(socket)
  })
  listener.once('listening', () => connections.startDetection())

  return {
    listener,
    handle: createHandle({ connections, subscriptions, watches, publications }),
    async stop() {
      connections.stopDetection()
      // Whoever was registered leaves with the registry, not before it: nobody is told.
      subscriptions.close()
      watches.close()
      publications.close()
      const closed = once(listener, 'close')
      listener.close()
      for (const connection of connections.all()) {
        connection.line.end()
        connections.remove(connection)
      }
      injector.drain(STOP_GRACE_MS)
      const cut = () => {
        for (const { socket } of links.values()) socket.destroy()
      }
      const timer = setTimeout(cut, STOP_GRACE_MS)
      await closed
      clearTimeout(timer)
      injector.destroy()
      server.forceShutdown()
    },
  }
}

const codec = {
  requestSerialize: encodePayload,
  requestDeserialize: decodePayload,
  responseSerialize: encodePayload,
  responseDeserialize: decodePayload,
}

const UNARY: ServiceDefinition = {
  request: { path: '/Request/request', requestStream: false, responseStream: false, ...codec },
}

const STREAM: ServiceDefinition = {
  requestBiStream: { path: '/BiRequestStream/requestBiStream', requestStream: true, responseStream: true, ...codec },
}
