import { isDeepStrictEqual } from 'node:util'
import type { Logger } from './logger.js'
import { connectRegistry, createTransport, type ConnectOptions } from './nacos/connect.js'
import { withPolling } from './nacos/polling.js'
import type { NacosTransport, RegistryTransport } from './nacos/transport.js'
import { connectionOf, connectionsOf, type ConnectionOptions } from './settings/connection.js'
import type { Settings } from './settings/schema.js'
import { openSnapshotFolder, type SnapshotFolder } from './snapshot/folder.js'
import { snapshotLocation } from './snapshot/location.js'

/** The client of the registry for services, or for configs. */
export interface RegistryClient {
  readonly transport: RegistryTransport
  /** `''` is the public namespace. */
  readonly namespace: string
  /** Its last answers, on disk. */
  readonly snapshots: SnapshotFolder | undefined
}

/** The clients for services and for configs: mostly one and the same. */
export interface RegistryClients {
  readonly discovery: RegistryClient
  readonly config: RegistryClient
  /** One listener; outages before it go unheard, but nothing is sent before the first call. */
  listen(listener: RegistryListener): void
  close(): Promise<void>
}

/** Learns when the registry becomes unreachable, and when it is back. */
export type RegistryListener = Pick<ConnectOptions, 'onLost' | 'onFound' | 'onRestored'>

export interface RegistryClientsOptions {
  readonly settings: Settings
  readonly logger: Logger
  /** Replaces the transport of the settings. */
  readonly transport?: NacosTransport | undefined
}

/** Nothing is sent before the first call. */
export function openRegistryClients({ transport, settings, logger }: RegistryClientsOptions): RegistryClients {
  let listener: RegistryListener | undefined
  const connections = connectionsOf(settings.cloud.nacos)
  const own = transport && withPolling(transport, { pollIntervalMs: settings.sidecar.pollInterval, logger })
  const { discovery, config } = own
    ? { discovery: own, config: own }
    : connectRegistry({
        ...{ connections, settings, logger },
        onLost: (event) => listener?.onLost?.(event),
        onFound: (event) => listener?.onFound?.(event),
        onRestored: () => listener?.onRestored?.(),
      })
  const services = createClient(discovery, connections.discovery, settings, logger)
  const documents = isDeepStrictEqual(connections.discovery, connections.config)
    ? services
    : createClient(config, connections.config, settings, logger)
  return {
    discovery: services,
    config: documents,
    listen: (listening) => void (listener = listening),
    async close() {
      await Promise.all([services.snapshots?.close(), documents.snapshots?.close()])
      await Promise.all([discovery.close(), config !== discovery && config.close()])
    },
  }
}

/** The client of a script that only calls. */
export function openDiscoveryClient(settings: Settings, logger: Logger): RegistryClient {
  const connection = connectionOf(settings.cloud.nacos, 'discovery')
  return createClient(createTransport({ connection, settings, logger }), connection, settings, logger)
}

function createClient(
  transport: RegistryTransport,
  { contextPath, namespace, username, accessKey }: ConnectionOptions,
  { sidecar }: Settings,
  logger: Logger,
): RegistryClient {
  const { servers } = transport.describe()
  const folder = snapshotLocation(sidecar.snapshotDir, { servers, contextPath, namespace, user: username ?? accessKey })
  return { transport, namespace, snapshots: folder === undefined ? undefined : openSnapshotFolder(folder, logger) }
}
