import { messageOf } from '../../errors.js'
import { RegistryError } from '../http/failure.js'
import type { HttpTransport } from '../http/transport.js'
import type { GrpcLink } from '../grpc/link.js'
import type { Logger } from '../../logger.js'
import type { ServiceInstance, ServiceKey, Unsubscribe } from '../../types.js'
import { cutOff } from '../../util/deadline.js'
import { pollServices } from '../polling.js'
import type { RegistryTransport, ServiceSource } from '../transport.js'
import { createConfigFeed, createServiceFeed } from './feed.js'
import { createUpdateModeSwitch, type UpdateModeSwitch } from './update-mode.js'

export interface CombinedTransportOptions {
  /** Makes the gRPC link when it is first of use. */
  readonly openLink: () => GrpcLink
  /** What registers, and is the sign of life. @default 'http' */
  readonly registerBy?: 'http' | 'grpc'
  /** How often watched services are asked for while nothing pushes; ±10 %. */
  readonly pollIntervalMs: number
  /** False: nothing is watched over the link, and it is not opened for what HTTP cannot list. @default true */
  readonly push?: boolean
  /** The link was lost and stands again. */
  readonly onRestored?: (() => void) | undefined
  readonly logger: Logger
}

/** HTTP and gRPC to one registry as one transport. */
export interface CombinedTransport extends RegistryTransport {
  /** To be called when the registry answers HTTP for the first time, and when it does again. */
  onHttpAnswer(): void
}

/**
 * Requests use HTTP, change notifications use gRPC: services and configs arrive by push while the link is up,
 * else by long poll and polling. Each switch starts from what the listeners hold, so that no change is lost between.
 */
export function createCombinedTransport(http: HttpTransport, options: CombinedTransportOptions): CombinedTransport {
  const { logger, push = true } = options
  const {
    source: _source,
    tokens: _tokens,
    recordClusters: _recordClusters,
    longPolls: _longPolls,
    api: _api,
    ...asked
  } = http
  const { watchConfig, publishConfig, deleteConfig } = http
  const list: RegistryTransport['list'] = (key, signal) => http.list(key, signal, () => listOverGrpc(key, signal))
  const watchService = pollServices({ ask: list, intervalMs: options.pollIntervalMs, logger })
  const services = createServiceFeed()
  const configs = createConfigFeed()
  const mode = createUpdateModeSwitch({
    openLink: options.openLink,
    onMode(mode, link) {
      if (!push) return
      services.setSource(mode === 'pull' ? watchService : link && recordingClusters(link))
      configs.setSource(mode === 'pull' ? watchConfig : link?.watchConfig)
    },
    onRestored: () => options.onRestored?.(),
    pullName: () => (http.longPolls ? 'http long poll and polling' : 'http polling'),
    logger,
  })

  if (!push) {
    services.setSource(watchService)
    configs.setSource(watchConfig)
  }

  /** HTTP asks for the clusters that are known, should it have to do without the link. */
  const recordingClusters =
    (link: GrpcLink): ServiceSource =>
    (key, listener, onFailure) =>
      link.watchService(
        key,
        (instances) => {
          http.recordClusters(instances)
          listener(instances)
        },
        onFailure,
      )

  /** The list over gRPC, which holds every cluster; `undefined` while the link does not stand. */
  async function listOverGrpc(
    key: ServiceKey,
    signal: AbortSignal | undefined,
  ): Promise<ServiceInstance[] | undefined> {
    const link = push ? mode.open() : mode.link
    if (!link || !(await isUp(link, signal))) return undefined
    return link.list(key, signal).catch((error: unknown) => {
      signal?.throwIfAborted()
      logger.debug(`A list over gRPC failed: ${messageOf(error)}`)
      return undefined
    })
  }

  /**
   * Nacos 3 has publish and delete in its admin API only, which is closed to most; over gRPC the config's own rights
   * count.
   */
  async function withGrpcFallback<T>(overHttp: () => Promise<T>, overGrpc: (link: GrpcLink) => Promise<T>): Promise<T> {
    try {
      return await overHttp()
    } catch (error) {
      const closed = error instanceof RegistryError && (error.kind === 'denied' || error.kind === 'no-route')
      if (http.api !== 'v3' || !closed) throw error
      const link = mode.open()
      return await overGrpc(link).catch((second: unknown) => {
        throw link.state().status === 'up' ? second : error
      })
    }
  }

  const transport: CombinedTransport = {
    ...asked,
    list,
    watchService(key, listener, onFailure) {
      if (push) mode.activate()
      return services.watch(key, listener, onFailure)
    },
    watchConfig(key, knownMd5, listener) {
      if (push) mode.activate()
      return configs.watch(key, knownMd5, listener)
    },
    publishConfig: (item, casMd5, signal) =>
      withGrpcFallback(
        () => publishConfig(item, casMd5, signal),
        (link) => link.publishConfig(item, casMd5, signal),
      ),
    deleteConfig: (key, signal) =>
      withGrpcFallback(
        () => deleteConfig(key, signal),
        (link) => link.deleteConfig(key, signal),
      ),
    describe() {
      const updates = push ? mode.reason() : 'http: sidecar.push is off'
      const { clusters, ...status } = http.describe()
      const pushed = push && mode.mode === 'push'
      return {
        ...status,
        ...(updates !== undefined && { updates }),
        by: pushed ? ('push' as const) : ('poll' as const),
        ...(clusters && mode.mode !== 'push' && { clusters }),
      }
    },
    onHttpAnswer: () => mode.onHttpAnswer(),
    async close() {
      services.close()
      configs.close()
      await Promise.all([mode.close(), http.close()])
    },
  }
  return options.registerBy === 'grpc' ? withGrpcRegistration(transport, mode) : transport
}

/** How long a list waits for the first attempt of a link. */
const FIRST_ATTEMPT_MS = 1_500

/** True if the link stands; waits for the first attempt to end. */
async function isUp(link: GrpcLink, signal: AbortSignal | undefined): Promise<boolean> {
  if (link.state().status === 'connecting') {
    const ends: Unsubscribe[] = []
    const settled = new Promise<void>((resolve) =>
      ends.push(
        link.onUp(() => resolve()),
        link.onDown(() => resolve()),
      ),
    )
    await cutOff(FIRST_ATTEMPT_MS, [signal], () => settled).catch(() => signal?.throwIfAborted())
    for (const end of ends) end()
  }
  return link.state().status === 'up'
}

/** The connection is the sign of life, and the link registers again on each new one. */
function withGrpcRegistration(transport: CombinedTransport, push: UpdateModeSwitch): CombinedTransport {
  // The connection of a dying process closes: the registry removes its instances.
  const { beat: _beat, deregisterRequest: _deregisterRequest, ...rest } = transport
  return {
    ...rest,
    register: async (instance, signal) => push.open().register(instance, signal),
    deregister: async (instance, signal) => push.open().deregister(instance, signal),
    describe() {
      const status = transport.describe()
      const link = push.link?.state()
      return {
        ...status,
        server: link?.server ?? status.server,
        protocol: 'grpc',
        connected: link?.status === 'up',
        reason: link?.reason || 'cloud.nacos.transport is grpc',
      }
    },
  }
}
