import { messageOf, SidecarError } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { NacosTransport } from '../nacos/transport.js'
import type { SidecarSettings } from '../settings/schema.js'
import type { ServiceInstance, ServiceKey, Unsubscribe } from '../types.js'
import { createLimiter } from './limiter.js'
import { parseServiceName } from './service-name.js'
import { ServiceFollower, type FollowerHost } from './service-follower.js'
import type { ServiceSnapshot } from './snapshot.js'

export type { ServiceSnapshot } from './snapshot.js'

/** List requests to the registry at any one time, however many services are followed. */
const PARALLEL_LISTS = 8

/** Who serves what. `service` is `name` or `group@@name`. */
export interface ServiceDirectory {
  /** The current snapshot if one is known; allocates nothing: the hot path. */
  peek(service: string): ServiceSnapshot | undefined
  /**
   * The snapshot, fetched and followed on first use. An empty one older than a second is fetched again, so that a
   * provider that has just started is found. Aborting the signal ends the wait, not the request others share.
   */
  get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot>
  /** Calls back with the snapshot once it is known and at each change of its content. */
  watch(service: string, listener: (snapshot: ServiceSnapshot) => void): Unsubscribe
  status(): readonly FollowedService[]
  close(): void
}

export interface FollowedService {
  readonly group: string
  readonly service: string
  /** Listed by the registry. */
  readonly instances: number
  /** Of those, the ones that may be called. */
  readonly callable: number
  readonly by: 'push' | 'poll'
  /** Failed fetches in a row. */
  readonly failures: number
  readonly lastError?: string
}

export interface ServiceDirectoryOptions {
  readonly transport: Pick<NacosTransport, 'list' | 'watchService'>
  readonly namespace: string
  readonly group: string
  readonly settings: Pick<SidecarSettings, 'pollInterval'>
  readonly logger: Logger
  readonly emit: Emit
  /** May hold a new list back (an empty one). @default every list is believed */
  readonly accept?: (next: ServiceSnapshot, current: ServiceSnapshot) => boolean
  /** Keeps good lists beyond the process. @default memory only */
  readonly store?: SnapshotStore
}

/** Where the last good lists are kept for a start without a registry. */
export interface SnapshotStore {
  load(key: ServiceKey): Promise<readonly ServiceInstance[] | undefined>
  save(snapshot: ServiceSnapshot): void
}

type Listener = (snapshot: ServiceSnapshot) => void

export function createServiceDirectory(options: ServiceDirectoryOptions): ServiceDirectory {
  const { transport, namespace, group, logger, emit } = options
  const limit = createLimiter(PARALLEL_LISTS)
  /** By the name as callers write it, so that the hot path is one look-up; two spellings share one follower. */
  const byName = new Map<string, ServiceFollower>()
  const byKey = new Map<string, ServiceFollower>()
  const listeners = new Map<ServiceFollower, Set<Listener>>()
  const failing = new Set<ServiceFollower>()
  let closed = false

  const host: FollowerHost = {
    pollIntervalMs: options.settings.pollInterval,
    list: (key, signal) =>
      limit(() => {
        signal.throwIfAborted()
        return transport.list(key, signal)
      }),
    ...(transport.watchService && { subscribe: (key, on) => transport.watchService!(key, on) }),
    accept: options.accept ?? (() => true),
    restore: async (key) => options.store?.load(key),
    changed(snapshot, previous) {
      if (snapshot.all.length > 0) options.store?.save(snapshot)
      if (previous || snapshot.all.length > 0) {
        emit('instancesChanged', { service: snapshot.key, instances: snapshot.instances })
      }
      const follower = byKey.get(keyText(snapshot.key))
      for (const listener of (follower && listeners.get(follower)) ?? []) tell(listener, snapshot)
    },
    // One line when the registry stops answering, one when it is back; not one per service and poll.
    failed(follower, error) {
      if (failing.size === 0) {
        const kept = follower.current ? 'the last list stays in use' : 'there is no list yet'
        logger.warn(`Listing ${keyText(follower.key)} failed: ${messageOf(error)}; ${kept}, asking again`)
      }
      failing.add(follower)
    },
    recovered(follower) {
      failing.delete(follower)
      if (failing.size === 0) logger.info(`Listing ${keyText(follower.key)} works again`)
    },
  }

  function follow(name: string): ServiceFollower {
    if (closed) throw new SidecarError('SIDECAR_STOPPED', `Cannot look up "${name}": the sidecar has stopped`)
    const key = parseServiceName(name, namespace, group)
    let follower = byKey.get(keyText(key))
    if (!follower) {
      follower = new ServiceFollower(key, host)
      byKey.set(keyText(key), follower)
    }
    byName.set(name, follower)
    return follower
  }

  function tell(listener: Listener, snapshot: ServiceSnapshot): void {
    try {
      listener(snapshot)
    } catch (error) {
      logger.error(`A listener of ${keyText(snapshot.key)} threw: ${messageOf(error)}`)
    }
  }

  return {
    peek: (service) => byName.get(service)?.current,

    async get(service, signal) {
      signal?.throwIfAborted()
      const follower = byName.get(service) ?? follow(service)
      return unlessAborted(follower.get(), signal)
    },

    watch(service, listener) {
      const follower = byName.get(service) ?? follow(service)
      const set = listeners.get(follower) ?? new Set()
      listeners.set(follower, set)
      const own: Listener = (snapshot) => listener(snapshot)
      set.add(own)
      if (follower.current) {
        queueMicrotask(() => follower.current && set.has(own) && tell(own, follower.current))
      } else {
        follower.get().catch(() => {}) // logged by the host; the listener hears when there is something to hear
      }
      return () => void set.delete(own)
    },

    status: () =>
      [...byKey.values()].map((follower) => ({
        group: follower.key.group,
        service: follower.key.service,
        instances: follower.current?.all.length ?? 0,
        callable: follower.current?.instances.length ?? 0,
        by: follower.pushed ? 'push' : 'poll',
        failures: follower.failures,
        ...(follower.lastError !== undefined && { lastError: messageOf(follower.lastError) }),
      })),

    close() {
      closed = true
      for (const follower of byKey.values()) follower.close()
      byKey.clear()
      byName.clear()
      listeners.clear()
    },
  }
}

function keyText(key: ServiceKey): string {
  return `${key.group}@@${key.service}`
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
