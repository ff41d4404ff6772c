import type { ServiceInstance, ServiceKey } from '../types.js'
import { isObject } from '../util/is-object.js'

/** An instance of `key` as HTTP and gRPC write it alike; `undefined` for what cannot be one. */
export function readHost(host: unknown, key: ServiceKey): ServiceInstance | undefined {
  if (!isObject(host)) return undefined
  const { ip, port, weight, clusterName } = host
  if (typeof ip !== 'string' || ip === '' || !isPort(port)) return undefined
  return {
    namespace: key.namespace,
    group: key.group,
    service: key.service,
    ip,
    port,
    weight: typeof weight === 'number' && Number.isFinite(weight) ? weight : 1,
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
    if (name === '__proto__' || value == null) continue
    read[name] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return read
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65535
}
