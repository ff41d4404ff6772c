import { isDeepStrictEqual } from 'node:util'
import type { Logger } from '../logger.js'
import type { ConnectionOptions, Connections } from '../settings/connection.js'
import type { Settings } from '../settings/schema.js'
import { createGrpcLink } from './grpc/link.js'
import { createHttpTransport, type HttpTransportOptions } from './http/transport.js'
import { createCombinedTransport, type CombinedTransport } from './updates/combined-transport.js'
import { createRequestLimiter, type RequestLimiter } from './request-limiter.js'
import type { RegistryTransport } from './transport.js'

export interface ConnectOptions extends Pick<HttpTransportOptions, 'onLost' | 'onFound'> {
  /**
   * Pushes were cut off and come again: the registry may have forgotten an instance that lives by heartbeats, so one is
   * due.
   */
  readonly onRestored?: () => void
  readonly settings: Pick<Settings, 'cloud' | 'sidecar'>
  readonly logger: Logger
}

/** The ways to the registry of services and to that of configs: mostly one and the same. */
export interface RegistryTransports {
  readonly discovery: RegistryTransport
  readonly config: RegistryTransport
}

/**
 * Follows the settings: `cloud.nacos.transport` for registrations, `sidecar.push` for what is watched. Discovery and
 * config share one transport, with its login, sockets and request budget, unless they lead to different clusters or
 * users.
 *
 * @example
 * const { discovery, config } = connectRegistry({ connections: connectionsOf(settings.cloud.nacos), settings, logger })
 */
export function connectRegistry({
  connections: { discovery, config },
  ...options
}: ConnectOptions & { readonly connections: Connections }): RegistryTransports {
  const namespaces = [discovery.namespace, config.namespace]
  if (isDeepStrictEqual({ ...discovery, namespace: '' }, { ...config, namespace: '' })) {
    const both = createTransport({ ...options, connection: discovery, namespaces, registers: true })
    return { discovery: both, config: both }
  }
  const limiter = createRequestLimiter()
  const serversOf = ({ addresses, addressServer }: ConnectionOptions) => ({ addresses, addressServer })
  const sameServers = isDeepStrictEqual(serversOf(discovery), serversOf(config))
  const { settings, logger } = options
  return {
    discovery: createTransport({ ...options, connection: discovery, limiter, registers: true }),
    config: createTransport({ settings, logger, connection: config, limiter: sameServers ? limiter : undefined }),
  }
}

export interface TransportOptions extends ConnectOptions {
  readonly connection: ConnectionOptions
  readonly namespaces?: readonly string[]
  /** @default one of its own */
  readonly limiter?: RequestLimiter
  /** Obeys `cloud.nacos.transport`. @default false */
  readonly registers?: boolean
}

/** The longest a closed gRPC port is left alone; a registry that comes back over HTTP is tried again at once. */
const LONGEST_BACKOFF_MS = 120_000

/** One transport to one cluster. Nothing is sent before the first call. */
export function createTransport(options: TransportOptions): RegistryTransport {
  const { connection, namespaces, logger, onLost, onFound, limiter = createRequestLimiter() } = options
  const { cloud, sidecar } = options.settings
  const registerBy = options.registers ? cloud.nacos.transport : 'http'
  const shared: Pick<HttpTransportOptions, keyof ConnectionOptions | 'logger' | 'limiter'> = {
    ...connection,
    logger,
    limiter,
  }
  // Where the link is what keeps the instance, it is the link that is lost and found.
  const byHttp = registerBy === 'http'
  const http = createHttpTransport({
    ...shared,
    configPollMs: sidecar.pollInterval,
    cluster: cloud.nacos.discovery.clusterName,
    watchClusters: cloud.nacos.discovery.watchClusters,
    namespaces,
    onLost: byHttp ? onLost : undefined,
    onFound(event) {
      combined.onHttpAnswer()
      if (byHttp) onFound?.(event)
    },
  })
  const openLink = () => {
    const link = createGrpcLink({
      ...shared,
      source: http.source,
      tokens: http.tokens,
      grpcPort: sidecar.grpcPort,
      grpcPortOffset: sidecar.grpcPortOffset,
      maxBackoffMs: byHttp ? LONGEST_BACKOFF_MS : undefined,
      quiet: byHttp,
    })
    if (byHttp) return link
    link.onUp(({ server }) => onFound?.({ server }))
    link.onDown(({ reason }) => onLost?.({ servers: http.describe().servers, error: new Error(reason) }))
    return link
  }
  const combined: CombinedTransport = createCombinedTransport(http, {
    openLink,
    registerBy,
    pollIntervalMs: sidecar.pollInterval,
    push: sidecar.push === 'auto',
    onRestored: options.onRestored,
    logger,
  })
  return combined
}
