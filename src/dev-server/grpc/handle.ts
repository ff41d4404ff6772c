import type { ConfigWatches } from './config-watches.js'
import type { Connections } from './connections.js'
import type { Publications } from './publications.js'
import type { Subscriptions } from './subscriptions.js'

/** A gRPC client, and what lives by its connection. */
export interface DevConnection {
  /** As the client knows it, of its server check. */
  readonly id: string
  /** Such as `Nacos-Java-Client:v2.5.1`. */
  readonly clientVersion: string
  readonly ip: string
  /** '' for the public namespace. */
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  /** Services it is subscribed to. */
  readonly services: number
  /** Documents it listens to. */
  readonly configs: number
  /** Ephemeral instances it registered. */
  readonly instances: number
}

/** The gRPC connections, to look at and to break: for tests of what a client does then. */
export interface DevGrpc {
  /** The present connections; none if gRPC is off. */
  connections(): DevConnection[]
  /** Asks every client to connect anew (`ConnectResetRequest`), as Nacos does to spread its load. */
  resetConnections(): void
  /** Resets every connection without a word, as a crash or a cable does; its instances are gone at once. */
  dropConnections(): void
}

/** The handle of a registry without gRPC. */
export const NO_GRPC: DevGrpc = {
  connections: () => [],
  resetConnections: () => {},
  dropConnections: () => {},
}

export interface HandleParts {
  readonly connections: Connections
  readonly subscriptions: Subscriptions
  readonly watches: ConfigWatches
  readonly publications: Publications
}

export function createHandle({ connections, subscriptions, watches, publications }: HandleParts): DevGrpc {
  return {
    connections: () =>
      connections.all().map((connection) => ({
        id: connection.id,
        clientVersion: connection.client.version,
        ip: connection.client.ip,
        namespace: connection.client.namespace,
        labels: connection.client.labels,
        services: subscriptions.count(connection),
        configs: watches.count(connection),
        instances: publications.count(connection),
      })),
    resetConnections: () => {
      for (const connection of connections.all()) {
        connection
          .request('ConnectResetRequest', { connectionId: connection.id, module: 'internal' }, 5_000)
          .catch(() => {})
      }
    },
    dropConnections: () => {
      for (const connection of connections.all()) {
        connection.line.cut()
        connections.remove(connection)
      }
    },
  }
}
