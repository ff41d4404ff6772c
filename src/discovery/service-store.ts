import type { SnapshotFolder } from '../snapshot/folder.js'
import type { SnapshotKey } from '../snapshot/snapshot-format.js'
import type { ServiceInstance, ServiceKey } from '../types.js'
import type { ServiceSnapshot } from './snapshot.js'

/** Where the last good lists are kept for a start without a registry. */
export interface ServiceStore {
  load(key: ServiceKey): Promise<SavedService | undefined>
  /** An empty list, which the registry has confirmed, leaves nothing. */
  save(snapshot: ServiceSnapshot): void
}

export interface SavedService {
  readonly instances: readonly ServiceInstance[]
  readonly savedAt: Date
}

/** Instances encoded in one go: small enough not to be felt. */
const PER_CHUNK = 100

export function createServiceStore(folder: SnapshotFolder): ServiceStore {
  return {
    async load(key) {
      const saved = await folder.read(keyOf(key))
      if (!saved) return undefined
      const lines = saved.body.toString('utf8').split('\n').filter(Boolean)
      const instances = lines.map((line) => ({ ...(JSON.parse(line) as ServiceInstance), ...key }))
      return { instances, savedAt: saved.savedAt }
    },
    save({ key, all }) {
      if (all.length === 0) folder.remove(keyOf(key))
      else folder.save(keyOf(key), () => encode(all))
    },
  }
}

/** A line an instance; its service is in the key. */
function* encode(all: readonly ServiceInstance[]): Generator<Uint8Array> {
  for (let at = 0; at < all.length; at += PER_CHUNK) {
    const lines = all
      .slice(at, at + PER_CHUNK)
      .map(({ namespace: _n, group: _g, service: _s, ...own }) => JSON.stringify(own))
    yield Buffer.from(`${lines.join('\n')}\n`)
  }
}

function keyOf({ namespace, group, service }: ServiceKey): SnapshotKey {
  return ['service', namespace, group, service]
}
