import { serviceKeyText } from '../../instance.js'
import type { ConfigItem, ConfigKey, Page, ServiceInstance, ServiceKey } from '../../types.js'
import { isObject } from '../../util/is-object.js'
import { readHosts } from '../host.js'

/** What a request is about: what a signature is made over. */
export type GrpcResource =
  | { readonly module: 'naming'; readonly group?: string; readonly service?: string }
  | { readonly module: 'config'; readonly tenant: string; readonly group: string }

/** One request as it goes out: the Java class name and its JSON. */
export interface Request {
  readonly type: string
  readonly body: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  /** Absent: nothing to prove (server check, health check). */
  readonly resource?: GrpcResource
  /** How errors name it: `SubscribeServiceRequest group@@service`. */
  readonly label: string
}

/** The JSON of an answer or a push, once it is known to be an object. */
export type Message = Readonly<Record<string, unknown>>

export interface ServiceInfo {
  readonly group: string
  readonly service: string
  /** The server's clock, in ms, when the list was made. */
  readonly lastRefTimeMs: number
  readonly hosts: readonly unknown[]
}

export const serverCheck: Request = internal('ServerCheckRequest')
export const healthCheck: Request = internal('HealthCheckRequest')

export function connectionSetup(module: string, tenant: string): Request {
  return {
    type: 'ConnectionSetupRequest',
    label: 'ConnectionSetupRequest',
    body: {
      clientVersion: 'Nacos-NodeJS-Client:v2.5.1',
      abilityTable: {},
      tenant,
      labels: { source: 'sdk', module, AppName: 'nacos-sidecar' },
      module: 'internal',
      headers: {},
    },
  }
}

export function subscribeService(key: ServiceKey, subscribe: boolean): Request {
  return naming('SubscribeServiceRequest', key, { subscribe, clusters: '' })
}

export function queryService(key: ServiceKey): Request {
  return naming('ServiceQueryRequest', key, { cluster: '', healthyOnly: false, udpPort: 0 })
}

export function listServices(page: Page): Request {
  return {
    type: 'ServiceListRequest',
    label: `ServiceListRequest ${page.group}`,
    resource: { module: 'naming', group: page.group },
    body: {
      namespace: page.namespace || 'public',
      groupName: page.group,
      pageNo: page.pageNo,
      pageSize: page.pageSize,
      selector: '',
      module: 'naming',
      headers: {},
    },
  }
}

export type InstanceOperation = 'registerInstance' | 'deregisterInstance'

/** An ephemeral instance lives by the connection, a persistent one by itself: two requests of one shape. */
export function instanceRequest(instance: ServiceInstance, operation: InstanceOperation): Request {
  const type = instance.ephemeral ? 'InstanceRequest' : 'PersistentInstanceRequest'
  return naming(type, instance, { type: operation, instance: instanceBody(instance) })
}

/** Replaces everything this connection has registered for the service. */
export function batchInstances(key: ServiceKey, instances: readonly ServiceInstance[]): Request {
  return naming('BatchInstanceRequest', key, {
    type: 'batchRegisterInstance',
    instances: instances.map(instanceBody),
  })
}

export function queryConfig(key: ConfigKey): Request {
  return { ...config('ConfigQueryRequest', key, {}), headers: { notify: 'false' } }
}

/** `md5` is what the client holds, '' for nothing. */
export function listenConfig(key: ConfigKey, md5: string, listen: boolean): Request {
  return {
    type: 'ConfigBatchListenRequest',
    label: `ConfigBatchListenRequest ${key.group}/${key.dataId}`,
    resource: { module: 'config', tenant: key.namespace, group: key.group },
    body: {
      listen,
      configListenContexts: [{ group: key.group, md5, dataId: key.dataId, tenant: key.namespace }],
      module: 'config',
      headers: {},
    },
  }
}

export function publishConfig(item: Omit<ConfigItem, 'md5'>, casMd5: string | undefined): Request {
  return config('ConfigPublishRequest', item, {
    content: item.content,
    ...(casMd5 === undefined ? {} : { casMd5 }),
    ...(item.type === undefined ? {} : { additionMap: { type: item.type } }),
  })
}

export function removeConfigRequest(key: ConfigKey): Request {
  return config('ConfigRemoveRequest', key, {})
}

/** Throws a plain `Error` where the bytes are no JSON object. */
export function parseMessage(body: Buffer): Message {
  const parsed: unknown = JSON.parse(body.toString('utf8'))
  if (!isObject(parsed)) throw new Error('expected a JSON object')
  return parsed
}

/** Throws a plain `Error` where it is none: a broken list must never pass for an empty one. */
export function parseServiceInfo(info: unknown): ServiceInfo {
  if (!isObject(info)) throw new Error('serviceInfo is missing')
  if (!Array.isArray(info['hosts'])) throw new Error('serviceInfo.hosts is not a list')
  const name = textOr(info['name'], '')
  const at = name.indexOf('@@')
  return {
    group: textOr(info['groupName'], at < 0 ? '' : name.slice(0, at)),
    service: at < 0 ? name : name.slice(at + 2),
    lastRefTimeMs: typeof info['lastRefTime'] === 'number' ? info['lastRefTime'] : 0,
    hosts: info['hosts'],
  }
}

/** The hosts as instances of `key`; a message without any readable one is ignored. */
export function instancesOf(key: ServiceKey, hosts: readonly unknown[]): ServiceInstance[] {
  const instances = readHosts(hosts, key)
  if (!instances) throw new Error('serviceInfo.hosts holds no instance with ip and port')
  return instances
}

export function textOr<T>(value: unknown, fallback: T): string | T {
  return typeof value === 'string' && value !== '' ? value : fallback
}

function internal(type: string): Request {
  return { type, label: type, body: { module: 'internal', headers: {} } }
}

function naming(type: string, key: ServiceKey, rest: Message): Request {
  return {
    type,
    label: `${type} ${serviceKeyText(key)}`,
    resource: { module: 'naming', group: key.group, service: key.service },
    body: {
      namespace: key.namespace || 'public',
      serviceName: key.service,
      groupName: key.group,
      module: 'naming',
      headers: {},
      ...rest,
    },
  }
}

function config(type: string, key: ConfigKey, rest: Message): Request {
  return {
    type,
    label: `${type} ${key.group}/${key.dataId}`,
    resource: { module: 'config', tenant: key.namespace, group: key.group },
    // An empty tenant is the public namespace; `public` would be another one.
    body: { dataId: key.dataId, group: key.group, tenant: key.namespace, module: 'config', headers: {}, ...rest },
  }
}

function instanceBody(instance: ServiceInstance): Message {
  return {
    ip: instance.ip,
    port: instance.port,
    weight: instance.weight,
    healthy: instance.healthy,
    enabled: instance.enabled,
    ephemeral: instance.ephemeral,
    clusterName: instance.cluster,
    serviceName: instance.service,
    metadata: instance.metadata,
  }
}
