import { isIP } from 'node:net'
import type { ServiceInstance, ServiceKey } from '../types.js'

/** One service at one moment; immutable. */
export interface ServiceSnapshot {
  readonly key: ServiceKey
  /** Those that may be called: healthy, enabled, weight > 0, with an address that is one. */
  readonly instances: readonly ServiceInstance[]
  /** Everything the registry listed. */
  readonly all: readonly ServiceInstance[]
}

/**
 * A snapshot of `list`, or `previous` itself where nothing that matters differs: the order of the hosts does not, and
 * `lastRefTime` or `checksum` are never seen here. Unchanged instances stay the same objects, so that whatever hangs
 * on one (its connections, its place in the rotation) stays too.
 */
export function nextSnapshot(
  key: ServiceKey,
  list: readonly ServiceInstance[],
  previous: ServiceSnapshot | undefined,
): ServiceSnapshot {
  const known = new Map<string, ServiceInstance>()
  for (const instance of previous?.all ?? []) known.set(identityOf(instance), instance)

  const merged = new Map<string, ServiceInstance>()
  for (const instance of list) {
    const identity = identityOf(instance)
    const before = known.get(identity)
    merged.set(identity, before && sameInstance(before, instance) ? before : freeze(instance))
  }
  if (previous && merged.size === known.size && [...merged].every(([identity, i]) => known.get(identity) === i)) {
    return previous
  }
  const all = [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, instance]) => instance)
  return Object.freeze({ key, all: Object.freeze(all), instances: Object.freeze(all.filter(isCallable)) })
}

/** What makes two entries the same instance, as Nacos sees it. */
export function identityOf(instance: ServiceInstance): string {
  return `${instance.ip}#${instance.port}#${instance.cluster}`
}

function isCallable(instance: ServiceInstance): boolean {
  return instance.healthy && instance.enabled && instance.weight > 0 && hasAddress(instance)
}

/** The registry's word is not trusted to be an address: `evil.example/x` would change where a request goes. */
function hasAddress({ ip, port }: ServiceInstance): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65535 && (isIP(ip) !== 0 || /^[A-Za-z0-9_.-]{1,253}$/.test(ip))
}

function sameInstance(a: ServiceInstance, b: ServiceInstance): boolean {
  return (
    a.weight === b.weight &&
    a.healthy === b.healthy &&
    a.enabled === b.enabled &&
    a.ephemeral === b.ephemeral &&
    sameMetadata(a.metadata, b.metadata)
  )
}

function sameMetadata(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
}

function freeze(instance: ServiceInstance): ServiceInstance {
  return Object.freeze({ ...instance, metadata: Object.freeze({ ...instance.metadata }) })
}
