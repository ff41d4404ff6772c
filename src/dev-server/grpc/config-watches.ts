import { configKey } from '../config-store.js'
import type { ConfigId, ConfigStore } from '../config-store.js'
import { createBatch, type Batch } from '../batch.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import { deliver } from './deliver.js'
import type { GrpcTimes } from './times.js'

/** A document and the namespace as the client wrote it: `public` or '' for the public one. */
export interface WatchedConfig extends ConfigId {
  readonly namespace: string
}

interface Watch {
  readonly config: WatchedConfig
  notices: number
}

/** The listeners of documents; a notice reports that a document changed, not how. */
export class ConfigWatches {
  readonly #watches = new Map<string, Map<Connection, Watch>>()
  readonly #due: Batch

  constructor(
    private readonly store: ConfigStore,
    private readonly connections: Connections,
    private readonly times: GrpcTimes,
  ) {
    this.#due = createBatch(times.pushDelayMs, (key) => this.#notifyAll(key))
    store.on('change', this.#onChange)
    connections.on('close', this.#onClose)
  }

  watch(connection: Connection, config: WatchedConfig): void {
    const key = configKey(config)
    const watchers = this.#watches.get(key) ?? new Map<Connection, Watch>()
    watchers.set(connection, { config, notices: 0 })
    this.#watches.set(key, watchers)
  }

  unwatch(connection: Connection, config: ConfigId): void {
    this.#forget(connection, configKey(config))
  }

  /** The listeners of a document. */
  of(config: ConfigId): Connection[] {
    return [...(this.#watches.get(configKey(config))?.keys() ?? [])]
  }

  count(connection: Connection): number {
    return [...this.#watches.values()].filter((watchers) => watchers.has(connection)).length
  }

  close(): void {
    this.store.off('change', this.#onChange)
    this.connections.off('close', this.#onClose)
    this.#due.close()
  }

  readonly #onChange = (id: ConfigId) => {
    const key = configKey(id)
    if (this.#watches.has(key)) this.#due.add(key)
  }

  readonly #onClose = (connection: Connection) => {
    for (const key of [...this.#watches.keys()]) this.#forget(connection, key)
  }

  #notifyAll(key: string): void {
    for (const [connection, watch] of this.#watches.get(key) ?? []) this.#notify(connection, key, watch)
  }

  #notify(connection: Connection, key: string, watch: Watch): void {
    const { dataId, group, namespace } = watch.config
    const own = ++watch.notices
    const notice = { dataId, group, ...(namespace && { tenant: namespace }), module: 'config' }
    deliver(
      () => connection.request('ConfigChangeNotifyRequest', notice, this.times.ackTimeoutMs),
      () => watch.notices === own && this.#watches.get(key)?.get(connection) === watch,
      this.times,
    )
  }

  #forget(connection: Connection, key: string): void {
    const watchers = this.#watches.get(key)
    if (watchers?.delete(connection) && watchers.size === 0) this.#watches.delete(key)
  }
}
