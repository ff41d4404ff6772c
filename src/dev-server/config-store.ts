import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'

/** `tenant` is the namespace id, '' for the public one. */
export interface ConfigId {
  readonly tenant: string
  readonly group: string
  readonly dataId: string
}

export interface StoredConfig extends ConfigId {
  /** A number in a string, as Nacos hands out. */
  readonly id: string
  readonly content: string
  /** Hex, of the content in UTF-8. */
  readonly md5: string
  readonly type: string
  readonly appName: string
  readonly description: string | null
  readonly tags: string | null
  readonly encryptedDataKey: string
  readonly sourceIp: string
  /** Epoch milliseconds. */
  readonly createdMs: number
  readonly modifiedMs: number
}

export interface ConfigDraft extends ConfigId {
  readonly content: string
  /** A word Nacos does not know becomes `text`. */
  readonly type?: string
  readonly appName?: string
  readonly description?: string
  readonly tags?: string
  readonly encryptedDataKey?: string
  readonly sourceIp?: string
}

export interface ConfigEvents {
  publish: [config: StoredConfig]
  remove: [id: ConfigId]
  /** Either of them: what a listener waits for. */
  change: [id: ConfigId]
}

/** Where documents outlive the process; memory only where it is absent. */
export interface ConfigFiles {
  load(): StoredConfig[]
  save(config: StoredConfig): void
  remove(id: ConfigId): void
}

const TYPES = new Set(['text', 'json', 'xml', 'yaml', 'html', 'properties', 'toml'])

/** The config documents. Knows no protocol: HTTP and gRPC codecs stand on top of it. */
export class ConfigStore extends EventEmitter<ConfigEvents> {
  readonly #configs = new Map<string, StoredConfig>()
  #nextId = BigInt(Date.now()) << 20n

  constructor(private readonly files?: ConfigFiles) {
    super()
    // Every held long poll listens.
    this.setMaxListeners(0)
    for (const config of files?.load() ?? []) this.#configs.set(configKey(config), config)
  }

  get(id: ConfigId): StoredConfig | undefined {
    return this.#configs.get(configKey(id))
  }

  /** The MD5 a listener compares with: '' where there is no such document. */
  md5Of(id: ConfigId): string {
    return this.get(id)?.md5 ?? ''
  }

  all(): StoredConfig[] {
    return [...this.#configs.values()]
  }

  /** With `casMd5`, refuses (false) where the stored document has another MD5. */
  publish(draft: ConfigDraft, casMd5?: string): boolean {
    const before = this.get(draft)
    if (casMd5 && before && before.md5 !== casMd5) return false
    const nowMs = Date.now()
    const config: StoredConfig = {
      tenant: draft.tenant,
      group: draft.group,
      dataId: draft.dataId,
      id: before?.id ?? String(this.#nextId++),
      content: draft.content,
      md5: md5Of(draft.content),
      type: draft.type && TYPES.has(draft.type) ? draft.type : 'text',
      appName: draft.appName ?? '',
      description: draft.description ?? null,
      tags: draft.tags ?? null,
      encryptedDataKey: draft.encryptedDataKey ?? '',
      sourceIp: draft.sourceIp ?? '127.0.0.1',
      createdMs: before?.createdMs ?? nowMs,
      modifiedMs: nowMs,
    }
    // Disk first: what was answered `true` is there after a crash.
    this.files?.save(config)
    this.#configs.set(configKey(config), config)
    this.emit('publish', config)
    if (before?.md5 !== config.md5) this.emit('change', idOf(config))
    return true
  }

  remove(id: ConfigId): boolean {
    if (!this.#configs.has(configKey(id))) return false
    this.files?.remove(id)
    this.#configs.delete(configKey(id))
    this.emit('remove', idOf(id))
    this.emit('change', idOf(id))
    return true
  }
}

/** One string per document; no part can forge another's border. */
export function configKey(id: ConfigId): string {
  return JSON.stringify([id.tenant, id.group, id.dataId])
}

export function md5Of(content: string): string {
  return createHash('md5').update(content, 'utf8').digest('hex')
}

function idOf({ tenant, group, dataId }: ConfigId): ConfigId {
  return { tenant, group, dataId }
}

/** The tenant of a namespace as a client writes it: 3.x takes `public` and nothing for the same. */
export function tenantOf(namespace: string | undefined): string {
  const tenant = namespace?.trim() ?? ''
  return tenant === 'public' ? '' : tenant
}
