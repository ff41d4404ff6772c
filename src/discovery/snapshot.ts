import { instanceId, isCallableAddress, readWeight } from '../instance.js'
import type { ServiceInstance, ServiceKey } from '../types.js'

/** One service at one moment; immutable. */
export interface ServiceSnapshot {
  readonly key: ServiceKey
  /** Those that may be called: healthy, enabled, weight > 0, with an address that is one. */
  readonly instances: readonly ServiceInstance[]
  /** Everything the registry listed. */
  readonly all: readonly ServiceInstance[]
}

/** The instances of a snapshot by what makes them the same one: worth keeping for the next of 10,000. */
const indexes = new WeakMap<ServiceSnapshot, ReadonlyMap<string, ServiceInstance>>()
const NONE: ReadonlyMap<string, ServiceInstance> = new Map()

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
  const known = (previous && indexes.get(previous)) ?? NONE
  /** From a known instance to its object in the new list. */
  const kept = new Map<ServiceInstance, ServiceInstance>()
  const fresh = new Map<string, ServiceInstance>()
  const index = new Map(known)
  let changed = false
  for (const instance of list) {
    const identity = instanceId(instance)
    const before = known.get(identity)
    const now = before && sameInstance(before, instance) ? before : freeze(instance)
    if (before) kept.set(before, now)
    else fresh.set(identity, now)
    if (now === before) continue
    changed = true
    index.set(identity, now)
  }
  const gone = kept.size < known.size
  if (previous && !changed && !gone) return previous

  // Sorted once, kept so: what stays is in order already.
  let all = previous?.all.flatMap((instance) => kept.get(instance) ?? []) ?? []
  if (gone) for (const [identity, instance] of known) if (!kept.has(instance)) index.delete(identity)
  if (fresh.size > 0) all = sorted(index)
  const snapshot = Object.freeze({ key, all: Object.freeze(all), instances: Object.freeze(all.filter(isCallable)) })
  indexes.set(snapshot, index)
  return snapshot
}

function sorted(index: ReadonlyMap<string, ServiceInstance>): ServiceInstance[] {
  return [...index].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, instance]) => instance)
}

function isCallable(instance: ServiceInstance): boolean {
  return instance.healthy && instance.enabled && instance.weight > 0 && isCallableAddress(instance)
}

/** @param b as it came */
function sameInstance(a: ServiceInstance, b: ServiceInstance): boolean {
  return (
    a.weight === readWeight(b.weight) &&
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

/**
 * The one place where an instance is read, wherever it comes from. Field by field: V8 reads a frozen `{ ...spread }`
 * ten times slower, and every call of a client reads these.
 */
function freeze(instance: ServiceInstance): ServiceInstance {
  return Object.freeze({
    namespace: instance.namespace,
    group: instance.group,
    service: instance.service,
    ip: instance.ip,
    port: instance.port,
    weight: readWeight(instance.weight),
    healthy: instance.healthy,
    enabled: instance.enabled,
    ephemeral: instance.ephemeral,
    cluster: instance.cluster,
    metadata: Object.freeze(Object.assign({}, instance.metadata)),
  })
}
