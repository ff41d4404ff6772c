import { Pool } from 'undici'
import { SidecarError } from '../errors.js'
import type { ServiceInstance } from '../types.js'

/** Connections to one instance; further calls wait for a free one. */
const CONNECTIONS = 128
/** A pool that nobody used for one to two of these is closed. */
const IDLE_MS = 60_000

/** Keep-alive connections, one pool per address. */
export interface Pools {
  of(instance: ServiceInstance): Pool
  /** @param origin such as `http://10.0.0.1:8080` */
  at(origin: string): Pool
  /** Closes the pools of instances that left, once what is in flight has finished. */
  retire(instances: readonly ServiceInstance[]): void
  readonly size: number
  close(): Promise<void>
}

export interface PoolsOptions {
  readonly connectTimeoutMs: number
  /** @default 60000 */
  readonly idleMs?: number
}

interface Handle {
  readonly origin: string
  readonly pool: Pool
  used: boolean
  closed: boolean
}

export function createPools({ connectTimeoutMs, idleMs = IDLE_MS }: PoolsOptions): Pools {
  const byOrigin = new Map<string, Handle>()
  /** Spares the hot path the making of an origin. */
  const byInstance = new WeakMap<ServiceInstance, Handle>()
  let sweeper: NodeJS.Timeout | undefined
  let closed = false

  function open(origin: string): Handle {
    if (closed) throw new SidecarError('SIDECAR_STOPPED', `No call to ${origin}: the sidecar has stopped`)
    let handle = byOrigin.get(origin)
    if (!handle) {
      const pool = new Pool(origin, { connections: CONNECTIONS, connectTimeout: connectTimeoutMs, pipelining: 1 })
      handle = { origin, pool, used: true, closed: false }
      byOrigin.set(origin, handle)
      sweeper ??= setInterval(sweep, idleMs).unref()
    }
    handle.used = true
    return handle
  }

  function shut(handle: Handle): Promise<void> {
    handle.closed = true
    byOrigin.delete(handle.origin)
    return handle.pool.close()
  }

  function sweep(): void {
    for (const handle of byOrigin.values()) {
      if (!handle.used && handle.pool.stats.size === 0) void shut(handle)
      handle.used = false
    }
    if (byOrigin.size > 0) return
    clearInterval(sweeper)
    sweeper = undefined
  }

  return {
    of(instance) {
      let handle = byInstance.get(instance)
      if (handle === undefined || handle.closed) byInstance.set(instance, (handle = open(originOf(instance))))
      handle.used = true
      return handle.pool
    },
    at: (origin) => open(origin).pool,
    retire(instances) {
      for (const instance of instances) {
        const handle = byOrigin.get(originOf(instance))
        if (handle) void shut(handle)
      }
    },
    get size() {
      return byOrigin.size
    },
    async close() {
      closed = true
      clearInterval(sweeper)
      sweeper = undefined
      await Promise.all([...byOrigin.values()].map(shut))
    },
  }
}

/**
 * `secure=true` in the metadata is Spring's word for https.
 *
 * @param secure the caller asks for https
 */
export function originOf({ ip, port, metadata }: ServiceInstance, secure = false): string {
  const scheme = secure || metadata['secure'] === 'true' ? 'https' : 'http'
  return `${scheme}://${ip.includes(':') ? `[${ip}]` : ip}:${port}`
}
