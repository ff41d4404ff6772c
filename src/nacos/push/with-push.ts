import { failureKindOf } from '../http/failure.js'
import type { HttpTransport } from '../http/transport.js'
import type { GrpcLink } from '../grpc/link.js'
import type { Logger } from '../../logger.js'
import type { NacosTransport } from '../transport.js'
import { createConfigFeed } from './config-feed.js'
import { createPushSwitch, type PushSwitch } from './push-switch.js'
import { createServiceFeed } from './service-feed.js'

export interface WithPushOptions {
  /** Makes the gRPC link when it is first of use. */
  readonly openLink: () => GrpcLink
  /** What registers, and is the sign of life. @default 'http' */
  readonly registerBy?: 'http' | 'grpc'
  /** How often watched services are asked for while nothing pushes; ±10 %. */
  readonly pollIntervalMs: number
  /** The link was lost and stands again. */
  readonly onRestored?: (() => void) | undefined
  readonly logger: Logger
}

/** Both ways to one registry, seen as one. */
export interface PushTransport extends NacosTransport {
  /** To be called when the registry answers HTTP for the first time, and when it does again. */
  answered(): void
}

/**
 * HTTP for what is asked, gRPC for what is to be heard of: services and configs arrive by push while the link stands,
 * else by long poll and polling. Each switch starts from what the listeners hold, so that no change is lost between.
 */
export function withPush(http: HttpTransport, options: WithPushOptions): PushTransport {
  const { logger } = options
  const { tokens: _tokens, ...asked } = http
  const { watchConfig, publishConfig, deleteConfig } = http
  const configs = createConfigFeed({ pull: watchConfig, logger })
  const services = createServiceFeed({ list: http.list, pollIntervalMs: options.pollIntervalMs, logger })
  const push = createPushSwitch({
    openLink: options.openLink,
    onMode(mode, link) {
      services.set(mode, link?.watchService)
      configs.set(mode, link?.watchConfig)
    },
    onRestored: () => options.onRestored?.(),
    pullName: () => (http.describe().protocol === 'http v3' ? 'http polling' : 'http long poll and polling'),
    logger,
  })

  /** Nacos 3 has publish and delete in its admin API only, which is closed to most; over gRPC the config's own rights count. */
  async function elsewhere<T>(overHttp: () => Promise<T>, overGrpc: (link: GrpcLink) => Promise<T>): Promise<T> {
    try {
      return await overHttp()
    } catch (error) {
      const kind = failureKindOf(error)
      const closedToUs = http.describe().protocol === 'http v3' && (kind === 'denied' || kind === 'no-route')
      if (!closedToUs) throw error
      const link = push.open()
      return await overGrpc(link).catch((second: unknown) => {
        throw link.state().status === 'up' ? second : error
      })
    }
  }

  const transport: PushTransport = {
    ...asked,
    watchService(key, listener) {
      push.want()
      return services.watch(key, listener)
    },
    watchConfig(key, knownMd5, listener) {
      push.want()
      return configs.watch(key, knownMd5, listener)
    },
    publishConfig: (item, casMd5, signal) =>
      elsewhere(
        () => publishConfig(item, casMd5, signal),
        (link) => link.publishConfig(item, casMd5, signal),
      ),
    deleteConfig: (key, signal) =>
      elsewhere(
        () => deleteConfig(key, signal),
        (link) => link.deleteConfig(key, signal),
      ),
    describe() {
      const updates = push.reason()
      return { ...http.describe(), ...(updates !== undefined && { updates }) }
    },
    answered: () => push.answered(),
    async close() {
      services.close()
      configs.close()
      await Promise.all([push.close(), http.close()])
    },
  }
  return options.registerBy === 'grpc' ? registeringByGrpc(transport, push) : transport
}

/** The connection is the sign of life, and the link registers again on each new one. */
function registeringByGrpc(transport: PushTransport, push: PushSwitch): PushTransport {
  // A process that dies closes its connection: that is its last word.
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
