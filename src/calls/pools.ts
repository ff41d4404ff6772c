import { SidecarError } from '../errors.js'
import { originOf } from '../instance.js'
import type { ServiceInstance } from '../types.js'
import { Connections, type ConnectionsStatus } from './connections.js'

/** Connections of one client to one address, where nothing else is set. */
export const MAX_CONNECTIONS = 128
/** Connections that were not used for one to two of these are closed. */
const IDLE_MS = 60_000

/** Keep-alive connections by address. */
export interface Pools {
  of(instance: ServiceInstance): Connections
  /** @param origin such as `http://10.0.0.1:8080` */
  at(origin: string): Connections
  /** Closes the connections to instances that left, once what is in flight has finished. */
  retire(instances: readonly ServiceInstance[]): void
  readonly size: number
  status(): ConnectionsStatus[]
  close(): Promise<void>
}

export interface PoolsOptions {
  /** 0 for none. */
  readonly connectTimeoutMs: number
  /** To one address. @default 128 */
  readonly maxConnections?: number
  /** @default 60000 */
  readonly idleMs?: number
  /** Hears once for each address that calls wait for a free connection in vain. */
  readonly onStuck?: (message: string) => void
}

export function createPools(options: PoolsOptions): Pools {
  const { connectTimeoutMs, maxConnections = MAX_CONNECTIONS, idleMs = IDLE_MS, onStuck = () => {} } = options
  const byOrigin = new Map<string, Connections>()
  /** Spares the hot path the making of an origin. */
  const byInstance = new WeakMap<ServiceInstance, Connections>()
  let sweeper: NodeJS.Timeout | undefined
  let closed = false

  function open(origin: string): Connections {
    if (closed) throw new SidecarError('SIDECAR_STOPPED', `No call to ${origin}: the sidecar has stopped`)
    let connections = byOrigin.get(origin)
    if (!connections) {
      connections = new Connections({ origin, connectTimeoutMs, maxConnections, onStuck })
      byOrigin.set(origin, connections)
      sweeper ??= setInterval(sweep, idleMs).unref()
    }
    connections.used = true
    return connections
  }

  function shut(connections: Connections): Promise<void> {
    byOrigin.delete(connections.origin)
    return connections.close()
  }

  function sweep(): void {
    for (const connections of byOrigin.values()) {
      if (!connections.used && connections.idle) void shut(connections)
      connections.used = false
    }
    if (byOrigin.size > 0) return
    clearInterval(sweeper)
    sweeper = undefined
  }

  return {
    of(instance) {
      let connections = byInstance.get(instance)
      if (connections === undefined || connections.closed)
        byInstance.set(instance, (connections = open(originOf(instance))))
      connections.used = true
      return connections
    },
    at: open,
    retire(instances) {
      for (const instance of instances) {
        const connections = byOrigin.get(originOf(instance))
        if (connections) void shut(connections)
      }
    },
    get size() {
      return byOrigin.size
    },
    status: () => [...byOrigin.values()].map((connections) => connections.status()),
    async close() {
      closed = true
      clearInterval(sweeper)
      sweeper = undefined
      await Promise.all([...byOrigin.values()].map(shut))
    },
  }
}
