import { EventEmitter } from 'node:events'
import { SidecarError } from '../errors.js'
import type { ConfigItem, ConfigKey, ServiceInstance, ServiceKey } from '../types.js'
import type { ConfigStore } from './config-store.js'
import type { DevGrpc } from './grpc/handle.js'
import type { InstanceView } from './instance.js'
import type { Naming } from './naming.js'
import { paramFault } from './param-check.js'
import type { ServiceId } from './service.js'

/** What happens in the registry, as it happens. `namespace` is '' for the public one. */
export interface DevServerEvents {
  /** An instance was registered, or registered again. */
  register: [event: { instance: ServiceInstance }]
  deregister: [event: { instance: ServiceInstance }]
  /** A heartbeat of a known instance. */
  beat: [event: { instance: ServiceInstance }]
  /** Removed, because it was silent for too long. */
  expire: [event: { instance: ServiceInstance }]
  publish: [event: { config: ConfigItem }]
  deleteConfig: [event: { key: ConfigKey }]
}

/** A service and its instances. */
export interface DevService extends ServiceKey {
  /** All of them: unhealthy and disabled ones too. */
  readonly instances: readonly ServiceInstance[]
}

type ConfigName = Pick<ConfigKey, 'dataId'> & Partial<ConfigKey>

/** The configs, without a request. Group defaults to DEFAULT_GROUP, namespace to the public one. */
export interface DevConfigs {
  /**
   * Publishes; with `casMd5`, only over a document of that MD5 (else false). The type is read off the data id.
   *
   * @throws SidecarError SIDECAR_DEV_SERVER a name that no Nacos takes.
   */
  publish(config: ConfigName & { content: string; type?: string }, casMd5?: string): boolean
  get(name: ConfigName): ConfigItem | undefined
  /** False where there was no such document. */
  delete(name: ConfigName): boolean
}

/** @internal */
export interface DevServerParts {
  naming: Naming
  store: ConfigStore
  host: string
  port: number
  grpcPort: number | undefined
  grpc: DevGrpc
  address: string
  stop(): Promise<void>
}

/**
 * A running embedded registry.
 *
 * @example
 * await using registry = await startDevServer()
 * registry.on('expire', ({ instance }) => console.log(`${instance.service} is gone`))
 */
export class DevServer extends EventEmitter<DevServerEvents> implements AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `undefined` where gRPC is off. */
  readonly grpcPort: number | undefined
  /** `host:port`, for `cloud.nacos.server-addr`. */
  readonly address: string
  /** Base URL without a path; the APIs are below `/nacos`. */
  readonly url: string
  readonly configs: DevConfigs
  /** The gRPC connections, and faults for them. */
  readonly grpc: DevGrpc
  readonly #parts: DevServerParts
  #stopped: Promise<void> | undefined

  /** @internal Made by `startDevServer`. */
  constructor(parts: DevServerParts) {
    super()
    this.#parts = parts
    this.host = parts.host
    this.port = parts.port
    this.grpcPort = parts.grpcPort
    this.grpc = parts.grpc
    this.address = parts.address
    this.url = `http://${parts.address}`
    this.configs = devConfigs(parts.store)
    for (const event of ['register', 'deregister', 'beat', 'expire'] as const) {
      parts.naming.on(event, (id, instance) => void this.emit(event, { instance: instanceOf(id, instance) }))
    }
    parts.store.on('publish', (config) => void this.emit('publish', { config: itemOf(config) }))
    parts.store.on('remove', (id) => void this.emit('deleteConfig', { key: keyOf(id) }))
  }

  /** What is registered now. */
  services(): DevService[] {
    return this.#parts.naming.services().map((service) => ({
      ...serviceKeyOf(service),
      instances: this.#parts.naming.instances(service).map((instance) => instanceOf(service, instance)),
    }))
  }

  /** Closes both ports and every connection; calling it twice is harmless. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#parts.stop())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function devConfigs(store: ConfigStore): DevConfigs {
  const idOf = ({ dataId, group = 'DEFAULT_GROUP', namespace = '' }: ConfigName) => ({
    dataId,
    group,
    tenant: namespace === 'public' ? '' : namespace,
  })
  return {
    publish: ({ content, type, ...name }, casMd5) => {
      const id = idOf(name)
      const fault = paramFault({ dataId: id.dataId, group: id.group, namespaceId: id.tenant })
      if (fault) {
        throw new SidecarError(
          'SIDECAR_DEV_SERVER',
          `The embedded registry does not publish ${JSON.stringify(id.dataId)}: ${fault} A Nacos server would refuse it too.`,
        )
      }
      return store.publish({ ...id, content, type: type ?? typeOf(name.dataId) }, casMd5)
    },
    get: (name) => {
      const config = store.get(idOf(name))
      return config && itemOf(config)
    },
    delete: (name) => store.remove(idOf(name)),
  }
}

function typeOf(dataId: string): string | undefined {
  const extension = /\.([^.]+)$/.exec(dataId)?.[1]?.toLowerCase()
  return extension === 'yml' ? 'yaml' : extension
}

function keyOf({ tenant, group, dataId }: { tenant: string; group: string; dataId: string }): ConfigKey {
  return { namespace: tenant, group, dataId }
}

function itemOf(config: {
  tenant: string
  group: string
  dataId: string
  content: string
  type: string
  md5: string
}): ConfigItem {
  return { ...keyOf(config), content: config.content, type: config.type, md5: config.md5 }
}

function serviceKeyOf({ namespace, group, name }: ServiceId): ServiceKey {
  return { namespace: namespace === 'public' ? '' : namespace, group, service: name }
}

function instanceOf(id: ServiceId, instance: InstanceView): ServiceInstance {
  const { ip, port, weight, healthy, enabled, ephemeral, cluster, metadata } = instance
  return { ...serviceKeyOf(id), ip, port, weight, healthy, enabled, ephemeral, cluster, metadata }
}
