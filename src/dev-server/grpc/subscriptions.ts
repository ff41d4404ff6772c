import type { Naming } from '../naming.js'
import { keyOf } from '../service.js'
import type { ServiceId } from '../service.js'
import { createBatch, type Batch } from '../batch.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import { deliver } from './deliver.js'
import type { Message } from './message.js'
import type { ServiceInfos, ServiceList } from './service-info.js'
import type { GrpcTimes } from './times.js'

interface Subscription {
  readonly connection: Connection
  readonly id: ServiceId
  readonly clusters: string
  /** The list that the client received last. */
  content: string
  pushes: number
}

export interface SubscriptionsOptions {
  readonly naming: Naming
  readonly connections: Connections
  readonly infos: ServiceInfos
  readonly times: GrpcTimes
}

/** The subscribers of services: pushes every change, whichever API made it. */
export class Subscriptions {
  readonly #byService = new Map<string, Map<Connection, Subscription>>()
  readonly #byConnection = new Map<Connection, Map<string, Subscription>>()
  readonly #due: Batch

  constructor(private readonly options: SubscriptionsOptions) {
    this.#due = createBatch(options.times.pushDelayMs, (key) => this.#pushAll(key))
    options.naming.on('change', this.#onChange)
    options.connections.on('close', this.#onClose)
  }

  /** One subscription a connection and service, as in Nacos: another one with other clusters takes its place. */
  subscribe(connection: Connection, id: ServiceId, clusters: string): Message {
    const { info, content } = this.#list(id, clusters)
    const key = keyOf(id)
    const subscription = { connection, id, clusters, content, pushes: 0 }
    entryOf(this.#byService, key).set(connection, subscription)
    entryOf(this.#byConnection, connection).set(key, subscription)
    return info
  }

  unsubscribe(connection: Connection, id: ServiceId): void {
    this.#forget(connection, keyOf(id))
  }

  /** The subscribers of a service, with the clusters that each wants. */
  of(id: ServiceId): { readonly connection: Connection; readonly clusters: string }[] {
    return [...(this.#byService.get(keyOf(id))?.values() ?? [])]
  }

  count(connection: Connection): number {
    return this.#byConnection.get(connection)?.size ?? 0
  }

  close(): void {
    this.options.naming.off('change', this.#onChange)
    this.options.connections.off('close', this.#onClose)
    this.#due.close()
  }

  readonly #onChange = (id: ServiceId) => {
    const key = keyOf(id)
    if (this.#byService.has(key)) this.#due.add(key)
  }

  readonly #onClose = (connection: Connection) => {
    for (const key of this.#byConnection.get(connection)?.keys() ?? []) this.#forget(connection, key)
  }

  #pushAll(key: string): void {
    // Made once for all subscribers of the same clusters: a service may have thousands of instances.
    const lists = new Map<string, ServiceList>()
    for (const subscription of this.#byService.get(key)?.values() ?? []) {
      const { id, clusters } = subscription
      const list = lists.get(clusters) ?? this.#list(id, clusters)
      lists.set(clusters, list)
      if (list.content !== subscription.content) this.#push(subscription, list)
    }
  }

  #push(subscription: Subscription, { info, content }: ServiceList): void {
    const { connection, id } = subscription
    subscription.content = content
    const push = ++subscription.pushes
    const isCurrent = () =>
      subscription.pushes === push && this.#byService.get(keyOf(id))?.get(connection) === subscription
    const notice = { serviceInfo: info, module: 'naming' }
    const { times } = this.options
    deliver(() => connection.request('NotifySubscriberRequest', notice, times.ackTimeoutMs), isCurrent, times)
  }

  #list(id: ServiceId, clusters: string): ServiceList {
    return this.options.infos(id, { clusters, healthyOnly: false })
  }

  #forget(connection: Connection, key: string): void {
    removeEntry(this.#byService, key, connection)
    removeEntry(this.#byConnection, connection, key)
  }
}

function entryOf<K, L, V>(maps: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let map = maps.get(key)
  if (!map) maps.set(key, (map = new Map()))
  return map
}

function removeEntry<K, L, V>(maps: Map<K, Map<L, V>>, key: K, inner: L): void {
  const map = maps.get(key)
  if (map?.delete(inner) && map.size === 0) maps.delete(key)
}
