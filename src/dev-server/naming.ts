import { EventEmitter } from 'node:events'
import { beatTimesOf, checkEveryMs, plainRecord } from './instance.js'
import type { BeatTimes, InstanceView, Override, Published } from './instance.js'
import { ServiceKindError, addressOf, keyOf, overrideKey, record, view } from './service.js'
import type { Entry, InstanceDetail, Service, ServiceId, ServiceRecord } from './service.js'

export interface NamingEvents {
  register: [service: ServiceId, instance: InstanceView]
  deregister: [service: ServiceId, instance: InstanceView]
  beat: [service: ServiceId, instance: InstanceView]
  expire: [service: ServiceId, instance: InstanceView]
  /** Anything that a subscriber of the service would see. */
  change: [service: ServiceId]
}

export interface NamingOptions {
  readonly beat: BeatTimes
  /** Monotonic milliseconds. */
  readonly clock: () => number
}

/** How long Nacos remembers an empty service, and an operator's word on an instance that is gone. */
const FORGET_AFTER_MS = 60_000

/** The registered instances and their health. Knows no protocol: HTTP and gRPC codecs stand on top of it. */
export class Naming extends EventEmitter<NamingEvents> {
  readonly #services = new Map<string, Service>()

  constructor(private readonly options: NamingOptions) {
    super()
    // Every open page of the console listens.
    this.setMaxListeners(0)
  }

  /**
   * Creates or replaces the instance at this address.
   *
   * @param owner the connection it lives by: it needs no heartbeat, and no other connection can deregister it.
   * @throws ServiceKindError
   */
  register(id: ServiceId, published: Published, owner?: string): void {
    const service = this.#open(id, published.ephemeral)
    if (service.ephemeral !== published.ephemeral) throw new ServiceKindError(id, service.ephemeral)
    const entry: Entry = {
      published,
      times: beatTimesOf(published.metadata, this.options.beat),
      healthy: true,
      lastBeatMs: this.options.clock(),
      owner,
    }
    service.entries.set(addressOf(published), entry)
    const override = service.overrides.get(overrideKey(published))
    if (override) delete override.goneMs
    this.emit('register', id, view(service, entry))
    this.emit('change', id)
  }

  /** Marks an instance as not yet healthy; its first heartbeat heals it. */
  setHealthy(id: ServiceId, ip: string, port: number, healthy: boolean): void {
    const entry = this.#find(id, ip, port)
    if (!entry || entry.healthy === healthy) return
    entry.healthy = healthy
    this.emit('change', id)
  }

  /**
   * False where there is no such instance, or another connection owns it: only the owner can remove it, as in Nacos.
   */
  deregister(id: ServiceId, ip: string, port: number, ephemeral: boolean, owner?: string): boolean {
    const service = this.#service(id)
    const entry = service?.entries.get(addressOf({ ip, port }))
    if (!service || !entry || entry.published.ephemeral !== ephemeral || entry.owner !== owner) return false
    this.#remove(service, entry, 'deregister')
    return true
  }

  /** Removes an instance for the operator, whichever connection owns it. It comes back if it registers again. */
  evict(id: ServiceId, ip: string, port: number): boolean {
    const service = this.#service(id)
    const entry = this.#find(id, ip, port)
    if (!service || !entry) return false
    this.#remove(service, entry, 'deregister')
    return true
  }

  /** Notes a heartbeat; `undefined` where there is no such ephemeral instance. */
  beat(id: ServiceId, ip: string, port: number): BeatTimes | undefined {
    const service = this.#service(id)
    const entry = this.#find(id, ip, port)
    if (!service || !entry?.published.ephemeral) return undefined
    entry.lastBeatMs = this.options.clock()
    const healed = !entry.healthy
    entry.healthy = true
    this.emit('beat', id, view(service, entry))
    if (healed) this.emit('change', id)
    return entry.times
  }

  /** The operator's word on an instance: replaces the one before, or is laid over it (`patch`). */
  override(
    id: ServiceId,
    address: { ip: string; port: number; cluster: string },
    word: Override,
    patch = false,
  ): boolean {
    const service = this.#service(id)
    if (!service) return false
    const key = overrideKey(address)
    const before = patch ? service.overrides.get(key) : undefined
    const metadata = word.metadata && plainRecord(Object.entries(word.metadata), before?.metadata)
    const gone = service.entries.has(addressOf(address)) ? {} : { goneMs: this.options.clock() }
    service.overrides.set(key, { ...before, ...word, ...(metadata && { metadata }), ...gone })
    this.emit('change', id)
    return true
  }

  /** Every instance, disabled and unhealthy ones too. */
  instances(id: ServiceId): InstanceView[] {
    const service = this.#service(id)
    return service ? [...service.entries.values()].map((entry) => view(service, entry)) : []
  }

  /** As `instances`, with what lies below the operator's word. */
  details(id: ServiceId): InstanceDetail[] {
    const service = this.#service(id)
    if (!service) return []
    return [...service.entries.values()].map((entry) => ({
      instance: view(service, entry),
      published: entry.published,
      owner: entry.owner,
    }))
  }

  /** What the client itself published, without the operator's word. */
  published(id: ServiceId, ip: string, port: number): (Published & { healthy: boolean }) | undefined {
    const entry = this.#find(id, ip, port)
    return entry && { ...entry.published, healthy: entry.healthy }
  }

  service(id: ServiceId): ServiceRecord | undefined {
    const service = this.#service(id)
    return service && record(service)
  }

  services(namespace?: string, group?: string): ServiceRecord[] {
    return [...this.#services.values()]
      .filter(
        ({ id }) =>
          (namespace === undefined || id.namespace === namespace) && (group === undefined || id.group === group),
      )
      .map(record)
  }

  /** False where it exists already. Made by hand, a service is persistent, as in Nacos. */
  createService(id: ServiceId, props: { protectThreshold?: number; metadata?: Record<string, string> }): boolean {
    if (this.#service(id)) return false
    this.#open(id, false)
    return this.updateService(id, props)
  }

  updateService(id: ServiceId, props: { protectThreshold?: number; metadata?: Record<string, string> }): boolean {
    const service = this.#service(id)
    if (!service) return false
    service.protectThreshold = props.protectThreshold ?? 0
    if (props.metadata) service.metadata = props.metadata
    return true
  }

  removeService(id: ServiceId): 'removed' | 'unknown' | 'not-empty' {
    const service = this.#service(id)
    if (!service) return 'unknown'
    if (service.entries.size > 0) return 'not-empty'
    this.#services.delete(keyOf(id))
    return 'removed'
  }

  /** How often `check` must run for the instances that are there now. */
  checkEveryMs(): number {
    let shortest = checkEveryMs(this.options.beat)
    for (const { entries } of this.#services.values()) {
      for (const { published, times, owner } of entries.values()) {
        if (published.ephemeral && owner === undefined) shortest = Math.min(shortest, checkEveryMs(times))
      }
    }
    return shortest
  }

  /** Turns silent instances unhealthy and removes those silent for too long. */
  check(): void {
    const now = this.options.clock()
    for (const service of [...this.#services.values()]) {
      for (const entry of [...service.entries.values()]) {
        if (!entry.published.ephemeral || entry.owner !== undefined) continue
        const silentMs = now - entry.lastBeatMs
        if (silentMs > entry.times.deleteMs) {
          this.#remove(service, entry, 'expire')
        } else if (entry.healthy && silentMs > entry.times.timeoutMs) {
          entry.healthy = false
          this.emit('change', service.id)
        }
      }
      for (const [key, { goneMs }] of service.overrides) {
        if (goneMs !== undefined && now - goneMs > FORGET_AFTER_MS) service.overrides.delete(key)
      }
      if (service.entries.size === 0 && now - service.emptySinceMs > FORGET_AFTER_MS)
        this.#services.delete(keyOf(service.id))
    }
  }

  #service(id: ServiceId): Service | undefined {
    return this.#services.get(keyOf(id))
  }

  #find(id: ServiceId, ip: string, port: number): Entry | undefined {
    return this.#service(id)?.entries.get(addressOf({ ip, port }))
  }

  #open(id: ServiceId, ephemeral: boolean): Service {
    let service = this.#service(id)
    if (!service) {
      service = {
        id: { namespace: id.namespace, group: id.group, name: id.name },
        ephemeral,
        protectThreshold: 0,
        metadata: plainRecord([]),
        entries: new Map(),
        overrides: new Map(),
        emptySinceMs: this.options.clock(),
      }
      this.#services.set(keyOf(id), service)
    }
    return service
  }

  #remove(service: Service, entry: Entry, why: 'deregister' | 'expire'): void {
    const last = view(service, entry)
    const now = this.options.clock()
    service.entries.delete(addressOf(entry.published))
    service.emptySinceMs = now
    const override = service.overrides.get(overrideKey(entry.published))
    if (override) override.goneMs = now
    this.emit(why, service.id, last)
    this.emit('change', service.id)
  }
}
