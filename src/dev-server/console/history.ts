import { configKey } from '../config-store.js'
import type { ConfigId, ConfigStore, StoredConfig } from '../config-store.js'

/** One state of a document during this run of the registry. */
export interface Version {
  /** Counts from 1 for each document. */
  readonly version: number
  readonly kind: 'found' | 'published' | 'deleted'
  readonly atMs: number
  /** Address of the client that published it; '' where it is not known. */
  readonly by: string
  /** '' for a deletion. */
  readonly content: string
  readonly md5: string
  readonly type: string
}

/** What each document was since the start. */
export interface History {
  /** Newest first. */
  of(id: ConfigId): readonly Version[]
  close(): void
}

const MOST_VERSIONS = 50
/** Characters of all versions together: beyond it, the oldest of all is forgotten. */
const MOST_CHARS = 16 * 1024 * 1024

/** Listens to the store; what `store` holds already is version 1. */
export function createHistory(store: ConfigStore): History {
  const documents = new Map<string, Version[]>()
  /** Oldest first, over all documents. */
  const order = new Set<readonly [key: string, version: Version]>()
  let chars = 0

  const forget = (entry: readonly [string, Version]) => {
    const [key, version] = entry
    order.delete(entry)
    chars -= version.content.length
    const versions = documents.get(key)!.filter((one) => one !== version)
    if (versions.length > 0) documents.set(key, versions)
    else documents.delete(key)
  }

  const note = (id: ConfigId, state: Omit<Version, 'version'>) => {
    const key = configKey(id)
    const versions = documents.get(key) ?? []
    const version = { ...state, version: (versions[0]?.version ?? 0) + 1 }
    documents.set(key, [version, ...versions])
    order.add([key, version])
    chars += version.content.length
    if (versions.length >= MOST_VERSIONS) {
      for (const entry of order) if (entry[1] === versions.at(-1)) forget(entry)
    }
    for (const entry of order) {
      if (chars <= MOST_CHARS || entry[1] === version) break
      forget(entry)
    }
  }

  const stateOf = ({ content, md5, type, modifiedMs, sourceIp }: StoredConfig, kind: Version['kind']) => ({
    ...{ kind, content, md5, type },
    atMs: modifiedMs,
    by: sourceIp,
  })
  const onPublish = (config: StoredConfig) => note(config, stateOf(config, 'published'))
  const onRemove = (id: ConfigId) =>
    note(id, { kind: 'deleted', atMs: Date.now(), by: '', content: '', md5: '', type: '' })

  for (const config of store.all()) note(config, stateOf(config, 'found'))
  store.on('publish', onPublish)
  store.on('remove', onRemove)
  return {
    of: (id) => documents.get(configKey(id)) ?? [],
    close() {
      store.off('publish', onPublish)
      store.off('remove', onRemove)
    },
  }
}
