import { frozenInstance, instanceId, isCallableAddress, isUnchanged } from '../instance.js'
import type { ServiceInstance, ServiceKey } from '../types.js'

/** One service at one moment; immutable. */
export interface ServiceSnapshot {
  readonly key: ServiceKey
  /** Those that may be called: healthy, enabled, weight > 0, with an address that is one. */
  readonly instances: readonly ServiceInstance[]
  /** Everything the registry listed. */
  readonly all: readonly ServiceInstance[]
}

/** The instances of a snapshot by what makes them the same one: worth keeping for the next of 10,000, and for no small one. */
const indexes = new WeakMap<ServiceSnapshot, ReadonlyMap<string, ServiceInstance>>()
const SMALL = 200
const NONE: ReadonlyMap<string, ServiceInstance> = new Map()

function indexOf(snapshot: ServiceSnapshot | undefined): ReadonlyMap<string, ServiceInstance> {
  if (snapshot === undefined) return NONE
  return indexes.get(snapshot) ?? new Map(snapshot.all.map((instance) => [instanceId(instance), instance]))
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
  const known = indexOf(previous)
  /** From a known instance to its object in the new list. */
  const kept = new Map<ServiceInstance, ServiceInstance>()
  const fresh = new Map<string, ServiceInstance>()
  let index: Map<string, ServiceInstance> | undefined
  for (const instance of list) {
    const identity = instanceId(instance)
    const before = known.get(identity)
    const now = before && isUnchanged(before, instance) ? before : frozenInstance(instance)
    if (before) kept.set(before, now)
    else fresh.set(identity, now)
    if (now === before) continue
    index ??= new Map(known)
    index.set(identity, now)
  }
  const gone = kept.size < known.size
  if (previous && index === undefined && !gone) return previous
  index ??= new Map(known)

  // Sorted once, kept so: what stays is in order already.
  let all = previous?.all.flatMap((instance) => kept.get(instance) ?? []) ?? []
  if (gone) for (const [identity, instance] of known) if (!kept.has(instance)) index.delete(identity)
  if (fresh.size > 0) all = sorted(index)
  const callable = all.filter(isCallable)
  const instances = callable.length === all.length ? all : callable
  const snapshot = Object.freeze({ key, all: Object.freeze(all), instances: Object.freeze(instances) })
  if (all.length > SMALL) indexes.set(snapshot, index)
  return snapshot
}

function sorted(index: ReadonlyMap<string, ServiceInstance>): ServiceInstance[] {
  return [...index].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, instance]) => instance)
}

function isCallable(instance: ServiceInstance): boolean {
  return instance.healthy && instance.enabled && instance.weight > 0 && isCallableAddress(instance)
}
