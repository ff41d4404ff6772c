import type { SnapshotFolder } from '../snapshot/folder.js'
import type { SnapshotKey } from '../snapshot/snapshot-format.js'
import type { ConfigItem, ConfigKey } from '../types.js'

/** Where documents are kept for a start without a registry. */
export interface ConfigSnapshots {
  load(key: ConfigKey): Promise<SavedConfig | undefined>
  save(item: ConfigItem): void
  /** The registry has no such document. */
  remove(key: ConfigKey): void
}

export interface SavedConfig {
  readonly item: ConfigItem
  readonly savedAt: Date
}

const CHUNK_BYTES = 64 * 1024

export function createConfigSnapshots(folder: SnapshotFolder): ConfigSnapshots {
  return {
    async load({ namespace, group, dataId }) {
      const saved = await folder.read(keyOf({ namespace, group, dataId }))
      if (!saved) return undefined
      const end = saved.body.indexOf('\n')
      const about = JSON.parse(saved.body.toString('utf8', 0, end)) as { md5: string; type?: string }
      const content = saved.body.toString('utf8', end + 1)
      return { item: { namespace, group, dataId, content, ...about }, savedAt: saved.savedAt }
    },
    save: (item) => folder.save(keyOf(item), () => encode(item)),
    remove: (key) => folder.remove(keyOf(key)),
  }
}

/** A line about the document, then the document as it is. */
function* encode({ md5, type, content }: ConfigItem): Generator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify({ md5, type: type || undefined })}\n`)
  const bytes = Buffer.from(content)
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
}

function keyOf({ namespace, group, dataId }: ConfigKey): SnapshotKey {
  return ['config', namespace, group, dataId]
}
