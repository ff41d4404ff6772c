import type { NacosTransport } from '../transport.js'
import { createGrpcLink } from './link.js'
import type { GrpcLinkOptions } from './options.js'

/**
 * Everything over one gRPC connection, which is also the sign of life: there is no `beat`. For
 * `cloud.nacos.transport: grpc`.
 *
 * @example
 * const transport = createGrpcTransport({ ...connectionOf(settings.cloud.nacos, 'discovery'), logger })
 */
export function createGrpcTransport(options: GrpcLinkOptions): NacosTransport {
  const link = createGrpcLink(options)
  const servers = options.addresses.map((address) => address.authority)
  return {
    register: (instance, signal) => link.register(instance, signal),
    deregister: (instance, signal) => link.deregister(instance, signal),
    list: (key, signal) => link.list(key, signal),
    getConfig: (key, signal) => link.getConfig(key, signal),
    watchService: (key, listener) => link.watchService(key, listener),
    watchConfig: (key, knownMd5, listener) => link.watchConfig(key, knownMd5, listener),
    publishConfig: (item, casMd5, signal) => link.publishConfig(item, casMd5, signal),
    deleteConfig: (key, signal) => link.deleteConfig(key, signal),
    listServices: (page, signal) => link.listServices(page, signal),
    describe() {
      const { status, server, reason } = link.state()
      return {
        server,
        servers,
        protocol: 'grpc',
        connected: status === 'up',
        reason: reason || 'cloud.nacos.transport is grpc',
      }
    },
    close: () => link.close(),
  }
}
