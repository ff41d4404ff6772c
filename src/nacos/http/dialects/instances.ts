import type { ServiceInstance, ServiceKey } from '../../../types.js'
import { readHosts } from '../../host.js'
import type { Params, WireResponse } from '../wire.js'
import { malformed } from './parse-response.js'
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

/** The instances of a list answer, the same in both dialects. */
export function readInstances(hosts: unknown, key: ServiceKey, response: WireResponse): ServiceInstance[] {
  if (!Array.isArray(hosts)) throw malformed('holds no list of instances', response)
  const instances = readHosts(hosts, key)
  if (!instances) throw malformed('holds no instance with ip and port', response)
  return instances
}
