import type { ServiceInstance, ServiceKey } from '../../../types.js'
import type { Params, WireResponse } from '../wire.js'
import { isObject, malformed } from './answers.js'
import { namespaceId, type SignedResource } from './dialect.js'

/** What names an instance in a request, the same in both dialects. */
export function identity(instance: ServiceInstance): Params {
  return {
    ip: instance.ip,
    port: instance.port,
    serviceName: instance.service,
    groupName: instance.group,
    clusterName: instance.cluster,
    namespaceId: namespaceId(instance.namespace),
    ephemeral: instance.ephemeral,
  }
}

/** What a naming request is signed for. */
export const naming = ({ group, service }: { group: string; service: string }): SignedResource => ({
  type: 'naming',
  group,
  service,
})

/** The instances of a list answer, the same in both dialects. One that cannot be read spoils the answer, not the list. */
export function readInstances(hosts: unknown, key: ServiceKey, response: WireResponse): ServiceInstance[] {
  if (!Array.isArray(hosts)) throw malformed('holds no list of instances', response)
  return hosts.map((host) => readInstance(host, key, response))
}

function readInstance(host: unknown, key: ServiceKey, response: WireResponse): ServiceInstance {
  if (!isObject(host) || typeof host['ip'] !== 'string' || typeof host['port'] !== 'number') {
    throw malformed('holds an instance without ip and port', response)
  }
  const { weight, clusterName, metadata } = host
  return {
    namespace: key.namespace,
    group: key.group,
    service: key.service,
    ip: host['ip'],
    port: host['port'],
    weight: typeof weight === 'number' && Number.isFinite(weight) ? weight : 1,
    healthy: host['healthy'] !== false,
    enabled: host['enabled'] !== false,
    ephemeral: host['ephemeral'] !== false,
    cluster: typeof clusterName === 'string' && clusterName !== '' ? clusterName : 'DEFAULT',
    metadata: readMetadata(metadata),
  }
}

function readMetadata(metadata: unknown): Record<string, string> {
  if (!isObject(metadata)) return {}
  const pairs = Object.entries(metadata).filter(([name, value]) => name !== '__proto__' && value != null)
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}
