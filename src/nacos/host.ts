import { readWeight } from '../instance.js'
import type { ServiceInstance, ServiceKey } from '../types.js'
import { isObject } from '../util/is-object.js'

/** Where Nacos keeps an instance's id: it is no metadata, though a registry that does not know it may list it as such. */
export const INSTANCE_ID = 'customInstanceId'

/**
 * An instance of `key` as HTTP and gRPC write it alike; `undefined` for what is none. One whose address cannot be called
 * (anybody may register port 70000) spoils no list: it stays in it and is never called (`isCallableAddress`).
 */
export function readHost(host: unknown, key: ServiceKey): ServiceInstance | undefined {
  if (!isObject(host)) return undefined
  const { ip, port, weight, clusterName } = host
  if (typeof ip !== 'string' || typeof port !== 'number') return undefined
  return {
    namespace: key.namespace,
    group: key.group,
    service: key.service,
    ip,
    port,
    weight: readWeight(weight),
    healthy: host['healthy'] !== false,
    enabled: host['enabled'] !== false,
    ephemeral: host['ephemeral'] !== false,
    cluster: typeof clusterName === 'string' && clusterName !== '' ? clusterName : 'DEFAULT',
    metadata: readMetadata(host['metadata']),
  }
}

/** A plain loop: there may be ten thousand of these in one answer. */
function readMetadata(metadata: unknown): Record<string, string> {
  const read: Record<string, string> = {}
  if (!isObject(metadata)) return read
  for (const name of Object.keys(metadata)) {
    const value = metadata[name]
    if (name === '__proto__' || name === INSTANCE_ID || value == null) continue
    read[name] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return read
}
