import { once, setMaxListeners } from 'node:events'
import { createAccess } from './access.js'
import { createAuth } from './auth.js'
import { createConfigFiles } from './config-files.js'
import { ConfigStore } from './config-store.js'
import { createConsole } from './console/console.js'
import { createHistory } from './console/history.js'
import { DevServer } from './dev-server.js'
import { startExpiry } from './expiry.js'
import { NO_GRPC } from './grpc/handle.js'
import { createGrpc } from './grpc/server.js'
import { createHttp } from './http.js'
import { listen } from './listen.js'
import { Naming } from './naming.js'
import { resolveOptions } from './options.js'
import type { DevServerOptions } from './options.js'
import { createRouter } from './router.js'
import { createUdpPush } from './udp-push.js'
import { v1Beat } from './v1-beat.js'
import { v1Config } from './v1-config.js'
import { v1Instance } from './v1-instance.js'
import { createLongPolls, v1Listener } from './v1-listener.js'
import { v1Service } from './v1-service.js'
import { actuator, v1System } from './v1-system.js'
import { v2Config } from './v2-config.js'
import { v2Naming } from './v2-naming.js'
import { v3Admin } from './v3-admin.js'
import { v3Client } from './v3-client.js'
import { v3System } from './v3-system.js'

export type { DevServerOptions } from './options.js'
export type { DevConnection, DevGrpc } from './grpc/handle.js'
export type { GrpcTimes } from './grpc/times.js'
export type { UdpTimes } from './udp-push.js'
export type { ListWithoutCluster } from './v3-client.js'
export type { DevConfigs, DevServer, DevServerEvents, DevService } from './dev-server.js'

/**
 * Starts a Nacos-compatible registry inside this process, for development, demos and tests: v1 and v3 HTTP APIs, expiry as
 * Nacos does it, configs with long poll, and gRPC with its pushes on the port + 1000. Loopback only by default.
 *
 * @throws SidecarError SIDECAR_DEV_SERVER the port is taken, the host is not loopback, NODE_ENV is production, …
 * @example
 * const registry = await startDevServer()
 * registry.configs.publish({ dataId: 'application-dev.yml', content: 'greeting: hello' })
 * const sidecar = await initSidecar(app, { … serverAddr: registry.address })
 * await registry.stop()
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const resolved = resolveOptions(options)
  const { logger, beat, clock } = resolved
  const naming = new Naming({ beat, clock })
  const store = new ConfigStore(
    resolved.dataDir === undefined ? undefined : createConfigFiles(resolved.dataDir, logger),
  )
  const stopping = new AbortController()
  // Every open page of the console listens.
  setMaxListeners(0, stopping.signal)
  const auth = createAuth(resolved.auth, clock)
  let port = resolved.port
  let grpcPort: number | undefined = undefined
  const address = () => `${dialled(resolved.host)}:${port}`

  const startedMs = Date.now()
  const about = () => ({
    address: address(),
    grpcPort,
    apis: resolved.apis,
    keepsConfigs: resolved.dataDir !== undefined,
    startedMs,
  })

  const generation = resolved.apis.includes('v3') ? 3 : 2

  const udpPush = createUdpPush({ naming, defaults: beat, generation, times: resolved.udpTimes, clock })

  const polls = createLongPolls()
  const history = createHistory(store)
  const router = createRouter(resolved.apis)
  router.add('v1', v1System(auth, generation), { open: true })
  router.add('v1', v1Instance({ naming, defaults: beat, generation, subscribe: udpPush.subscribe }))
  router.add('v1', v1Beat(naming, beat))
  router.add('v1', v1Service(naming))
  router.add('v1', v1Config(store))
  router.add('v1', v2Naming(naming, beat))
  router.add('v1', v2Config(store))
  router.add('v1', v1Listener(store, resolved.listener, polls))
  router.add(
    'v3',
    v3System(auth, () => port),
    { open: true },
  )
  router.add('v3', v3Client({ naming, store, defaults: beat, listWithoutCluster: resolved.listWithoutCluster }))
  router.add('v3', v3Admin(naming, store, beat))
  router.add(resolved.apis[0]!, actuator, { open: true })

  const grpc =
    resolved.grpcPort === false
      ? undefined
      : createGrpc({
          ...{ naming, store, auth, logger, clock },
          defaults: beat,
          times: resolved.grpcTimes,
          generation,
        })
  const http = createHttp({
    router,
    generation,
    auth,
    logger,
    limits: resolved.limits,
    access: createAccess(resolved.host, resolved.allowedHosts),
    console: createConsole({
      ...{ naming, store, auth, history, about },
      defaults: beat,
      limits: resolved.limits,
      audience: {
        subscribers: (id) => [...(grpc?.audience.subscribers(id) ?? []), ...udpPush.subscribers(id)],
        listeners: (id) => [...(grpc?.audience.listeners(id) ?? []), ...polls.of(id)],
        connections: () => grpc?.handle.connections() ?? [],
      },
    }),
    stopping: stopping.signal,
  })
  const ports = await listen(http, grpc?.listener, resolved)
  port = ports.port
  grpcPort = ports.grpcPort
  const endExpiry = startExpiry(naming, beat, resolved.tickMs)

  return new DevServer({
    naming,
    store,
    host: resolved.host,
    port,
    grpcPort: ports.grpcPort,
    grpc: grpc?.handle ?? NO_GRPC,
    address: address(),
    stop: async () => {
      endExpiry()
      udpPush.close()
      history.close()
      const grpcStopped = grpc?.stop()
      const closed = once(http, 'close')
      http.close()
      // Held long polls get their empty answer; after that nothing is worth waiting for.
      stopping.abort()
      await new Promise((resolve) => setImmediate(resolve))
      http.closeAllConnections()
      await Promise.all([closed, grpcStopped])
    },
  })
}

/** The host as one dials it from here: a wildcard is no address. */
function dialled(host: string): string {
  const own = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return own.includes(':') ? `[${own}]` : own
}
