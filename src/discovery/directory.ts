import { messageOf, SidecarError } from '../errors.js'
import type { Emit } from '../events.js'
import { canonicalName, hostPort, isCallableAddress, parseServiceName, serviceKeyText } from '../instance.js'
import type { Logger } from '../logger.js'
import type { RegistryTransport } from '../nacos/transport.js'
import type { SidecarSettings } from '../settings/schema.js'
import { holdProcess } from '../util/hold-process.js'
import { createLimiter } from '../util/limiter.js'
import type { Subscription } from '../util/subscription.js'
import { unlessAborted } from '../util/unless-aborted.js'
import { ServiceFollower, type FollowerHost } from './service-follower.js'
import type { ServiceStore } from './service-store.js'
import type { ServiceSnapshot } from './snapshot.js'

export type { ServiceSnapshot } from './snapshot.js'

/**
 * Names followed that no instance was ever seen of. Some come from outside, as hosts of URLs: each would be asked for until the process
 * ends.
 */
const MAX_UNSEEN = 1_000
/** List requests to the registry at any one time, however many services are followed. */
const PARALLEL_LISTS = 8

/** The services and their instances. `service` is `name` or `group@@name`. */
export interface ServiceDirectory {
  /** The current snapshot if one is known; allocates nothing: the hot path. */
  peek(service: string): ServiceSnapshot | undefined
  /**
   * The snapshot, fetched and followed on first use. An empty one older than a second is fetched again, so that a
   * provider that has just started is found. Aborting the signal ends the wait, not the request others share.
   */
  get(service: string, signal?: AbortSignal): Promise<ServiceSnapshot>
  /** The one name of a service that may be written in two ways: with the default group before it, and without. */
  nameOf(service: string): string
  /** An instance of it was listed at some time, by the registry or in the snapshot of an earlier run. */
  hasSeen(service: string): boolean
  /** Calls back with the snapshot once it is known and at each change of its content. */
  watch(service: string, listener: (snapshot: ServiceSnapshot) => unknown): Subscription
  /** Aborted by `close`. */
  readonly closed: AbortSignal
  status(): readonly FollowedService[]
  /** The lists of the services that are followed, in the order of `status()`; `undefined` before the first list. */
  snapshots(): readonly (ServiceSnapshot | undefined)[]
  close(): void
}

export interface FollowedService {
  readonly group: string
  readonly service: string
  /** Listed by the registry. */
  readonly instances: number
  /** Of those, the ones that may be called. */
  readonly callable: number
  /** How its changes arrive at the moment. */
  readonly by: 'push' | 'poll'
  /** `snapshot`: the list of an earlier run, for the registry has not answered yet. */
  readonly from: 'registry' | 'snapshot'
  /** The registry lists none any more; the last list stays until that is confirmed. */
  readonly heldEmpty: boolean
  /** Questions about it that failed in a row, however they were asked. */
  readonly failures: number
  readonly lastError?: string
}

export interface ServiceDirectoryOptions {
  readonly transport: Pick<RegistryTransport, 'list' | 'watchService'> & Partial<Pick<RegistryTransport, 'describe'>>
  readonly namespace: string
  readonly group: string
  readonly settings: Pick<SidecarSettings, 'pollInterval' | 'emptyProtection'>
  readonly logger: Logger
  readonly emit: Emit
  /** Keeps good lists beyond the process. @default memory only */
  readonly store?: ServiceStore | undefined
}

export function createServiceDirectory(options: ServiceDirectoryOptions): ServiceDirectory {
  const { transport, namespace, group, logger, emit } = options
  const limit = createLimiter(PARALLEL_LISTS)
  /** By the name as callers write it, so that the hot path is one look-up; two spellings share one follower. */
  const byName = new Map<string, ServiceFollower>()
  const byKey = new Map<string, ServiceFollower>()
  const failing = new Set<ServiceFollower>()
  const holding = new Set<ServiceFollower>()
  /** Services that were listed with an instance. Kept after `close`: a name that was a service never becomes a host. */
  const seen = new Set<string>()
  /** Services of which some instance has an address that is none. */
  const misaddressed = new Set<string>()
  const closing = new AbortController()

  const host: FollowerHost = {
    logger,
    retryIntervalMs: options.settings.pollInterval,
    emptyProtectionMs: options.settings.emptyProtection,
    list: (key, signal) =>
      limit(() => {
        signal.throwIfAborted()
        return transport.list(key, signal)
      }),
    subscribe: (key, listener, onFailure) => transport.watchService(key, listener, onFailure),
    restore: async (key) => options.store?.load(key),
    changed(snapshot, previous) {
      if (snapshot.all.length > 0) seen.add(canonicalName(serviceKeyText(snapshot.key), group))
      if (previous || snapshot.all.length > 0) {
        emit('instancesChanged', { service: snapshot.key, instances: snapshot.instances })
      }
      warnOfAddresses(snapshot)
    },
    fetched: (snapshot) => options.store?.save(snapshot),
    // One line when the registry stops answering, one when it is back; not one per service and poll.
    failed(follower, error) {
      const listing = `Listing ${serviceKeyText(follower.key)} failed: `
      // Over HTTP, the error has reported it already.
      const reason = messageOf(error).replace(listing, '')
      if (failing.size === 0) logger.warn(`${listing}${reason}; ${inUse(follower)}, asking again`)
      failing.add(follower)
    },
    recovered(follower) {
      failing.delete(follower)
      if (failing.size === 0) logger.info(`Listing ${serviceKeyText(follower.key)} works again`)
    },
    held(follower) {
      const text = `The registry lists no instance of ${serviceKeyText(follower.key)} any more: the last ${follower.current?.all.length} stay in use until that is confirmed`
      if (holding.size === 0) logger.warn(`${text} (sidecar.empty-protection, ${options.settings.emptyProtection} ms)`)
      else logger.debug(text)
      holding.add(follower)
    },
    released(follower) {
      if (!holding.delete(follower)) return
      const found = follower.current?.all.length ?? 0
      logger.info(
        found > 0
          ? `${serviceKeyText(follower.key)} is listed again`
          : `Confirmed: ${serviceKeyText(follower.key)} has no instance`,
      )
    },
  }

  function follow(name: string): ServiceFollower {
    if (closing.signal.aborted)
      throw new SidecarError('SIDECAR_STOPPED', `Cannot look up "${name}": the sidecar has stopped`)
    const key = parseServiceName(name, namespace, group)
    let follower = byKey.get(serviceKeyText(key))
    if (!follower) {
      if (byKey.size - seen.size >= MAX_UNSEEN) forgetUnseen()
      follower = new ServiceFollower(key, host)
      byKey.set(serviceKeyText(key), follower)
    }
    byName.set(name, follower)
    return follower
  }

  /** The one that was asked for first; one that is awaited or watched stays. */
  function forgetUnseen(): void {
    for (const [key, follower] of byKey) {
      const { current, changes, asking } = follower
      if (current === undefined || asking || current.all.length > 0 || changes.size > 0) continue
      if (seen.has(canonicalName(key, group))) continue
      follower.close()
      failing.delete(follower)
      holding.delete(follower)
      byKey.delete(key)
      for (const [name, one] of byName) if (one === follower) byName.delete(name)
      return
    }
  }

  /** Once for as long as there are any: they are listed, and never called. */
  function warnOfAddresses({ key, all, instances }: ServiceSnapshot): void {
    const name = serviceKeyText(key)
    const bad = all.length === instances.length ? [] : all.filter((instance) => !isCallableAddress(instance))
    if (bad.length === 0) return void misaddressed.delete(name)
    if (misaddressed.has(name)) return
    misaddressed.add(name)
    const shown = JSON.stringify(hostPort(bad[0]!).slice(0, 80))
    logger.warn(
      `The registry lists ${bad.length} of ${name} under an address that cannot be called (${shown}): ignored. Find the process that registers it`,
    )
  }

  return {
    nameOf: (service) => canonicalName(service, group),

    hasSeen: (service) => seen.has(canonicalName(service, group)),

    peek: (service) => byName.get(service)?.current,

    async get(service, signal) {
      signal?.throwIfAborted()
      const follower = byName.get(service) ?? follow(service)
      return holdProcess(unlessAborted(follower.get(), signal))
    },

    watch(service, listener) {
      const follower = byName.get(service) ?? follow(service)
      // A failure is logged by the host; the listener is called when there is a list.
      if (!follower.current) follower.get().catch(() => {})
      return follower.changes.add(listener)
    },

    closed: closing.signal,

    status() {
      const by = transport.describe?.().by ?? 'push'
      return [...byKey.values()].map((follower) => ({
        group: follower.key.group,
        service: follower.key.service,
        instances: follower.current?.all.length ?? 0,
        callable: follower.current?.instances.length ?? 0,
        by,
        from: follower.restored ? 'snapshot' : 'registry',
        heldEmpty: follower.heldEmpty,
        failures: follower.failures,
        ...(follower.lastError !== undefined && { lastError: messageOf(follower.lastError) }),
      }))
    },

    snapshots: () => [...byKey.values()].map(({ current }) => current),

    close() {
      closing.abort()
      for (const follower of byKey.values()) follower.close()
      byKey.clear()
      byName.clear()
    },
  }
}

function inUse({ current, restored }: ServiceFollower): string {
  if (!current) return 'there is no list yet'
  if (!restored) return 'the last list stays in use'
  return `the list of an earlier run is in use (${current.all.length} instances, saved ${restored.toISOString()})`
}
