import type { Published } from '../instance.js'
import type { Naming } from '../naming.js'
import { addressOf, keyOf } from '../service.js'
import type { ServiceId } from '../service.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'

export interface Draft extends Published {
  readonly healthy: boolean
}

interface Publication {
  readonly id: ServiceId
  readonly instances: readonly Draft[]
}

/** The ephemeral instances of each connection: they live as long as it does, without a heartbeat. */
export class Publications {
  readonly #byConnection = new Map<Connection, Map<string, Publication>>()

  constructor(
    private readonly naming: Naming,
    private readonly connections: Connections,
  ) {
    connections.on('close', this.#onClose)
  }

  /**
   * A connection publishes one thing a service, an instance or a batch; the next one takes its place, as in Nacos.
   *
   * @throws ServiceKindError
   */
  publish(connection: Connection, id: ServiceId, instances: readonly Draft[]): void {
    const key = keyOf(id)
    const publications = this.#byConnection.get(connection) ?? new Map<string, Publication>()
    const before = publications.get(key)
    for (const { healthy, ...instance } of instances) {
      this.naming.register(id, instance, connection.id)
      if (!healthy) this.naming.setHealthy(id, instance.ip, instance.port, false)
    }
    publications.set(key, { id, instances })
    this.#byConnection.set(connection, publications)
    const kept = new Set(instances.map(addressOf))
    this.#remove(connection, id, before?.instances.filter((instance) => !kept.has(addressOf(instance))) ?? [])
  }

  /** All that the connection has published of this service, whichever instance it names, as in Nacos. */
  withdraw(connection: Connection, id: ServiceId): void {
    const publications = this.#byConnection.get(connection)
    const publication = publications?.get(keyOf(id))
    if (!publication) return
    publications!.delete(keyOf(id))
    this.#remove(connection, id, publication.instances)
  }

  count(connection: Connection): number {
    const publications = [...(this.#byConnection.get(connection)?.values() ?? [])]
    return publications.reduce((sum, { instances }) => sum + instances.length, 0)
  }

  close(): void {
    this.connections.off('close', this.#onClose)
  }

  readonly #onClose = (connection: Connection) => {
    const publications = this.#byConnection.get(connection)
    this.#byConnection.delete(connection)
    for (const { id, instances } of publications?.values() ?? []) this.#remove(connection, id, instances)
  }

  #remove(connection: Connection, id: ServiceId, instances: readonly Draft[]): void {
    for (const { ip, port } of instances) this.naming.deregister(id, ip, port, true, connection.id)
  }
}
