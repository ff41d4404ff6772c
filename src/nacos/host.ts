import { readWeight } from '../instance.js'
import type { ServiceInstance, ServiceKey } from '../types.js'
import { isObject } from '../util/is-object.js'

/**
 * Where Nacos keeps an instance's id: it is no metadata, though a registry that does not know it may list it as such.
 */
export const INSTANCE_ID = 'customInstanceId'

/**
 * An instance of `key` as HTTP and gRPC write it alike, frozen: it is the one that is kept, and the one that is called; `undefined` for what is none. One whose address cannot be
 * called (any client may register port 70000) spoils no list: it stays in it and is never called (`isCallableAddress`).
 */
function readHost(host: unknown, key: ServiceKey): ServiceInstance | undefined {
  if (!isObject(host)) return undefined
  const { ip, weight, clusterName } = host
  const port = typeof host['port'] === 'string' && host['port'] !== '' ? Number(host['port']) : host['port']
  if (typeof ip !== 'string' || typeof port !== 'number' || Number.isNaN(port)) return undefined
  return Object.freeze({
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
  })
}

/**
 * The instances of a list. What is none (`null`, an entry without ip or port) is left out, for it cannot be called and
 * the others can; a list of nothing else is no list: `undefined`.
 */
export function readHosts(hosts: readonly unknown[], key: ServiceKey): ServiceInstance[] | undefined {
  const read: ServiceInstance[] = []
  for (const host of hosts) {
    const instance = readHost(host, key)
    if (instance) read.push(instance)
  }
  return read.length === 0 && hosts.length > 0 ? undefined : read
}

/** A plain loop: there may be ten thousand of these in one answer. */
function readMetadata(metadata: unknown): Readonly<Record<string, string>> {
  if (!isObject(metadata)) return NO_METADATA
  const read: Record<string, string> = {}
  for (const name of Object.keys(metadata)) {
    const value = metadata[name]
    if (name === '__proto__' || name === INSTANCE_ID || value == null) continue
    read[name] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return Object.freeze(read)
}

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({})
