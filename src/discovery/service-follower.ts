import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SidecarError } from '../errors.js'
import { serviceKeyText } from '../instance.js'
import type { Logger } from '../logger.js'
import type { ServiceInstance, ServiceKey, Unsubscribe } from '../types.js'
import { aboutMs } from '../util/backoff.js'
import { Listeners } from '../util/listeners.js'
import type { SavedService } from './service-store.js'
import { nextSnapshot, type ServiceSnapshot } from './snapshot.js'

/** How long an answer stands before a caller's need alone asks the registry again. */
const RECHECK_MS = 1_000
/** From this many instances on, decoding a list and comparing it are too much for one turn of the event loop. */
const MANY = 2_000

/** What a follower needs of the directory it lives in. */
export interface FollowerHost {
  /** Asks the registry, within the directory's bound on parallel requests. */
  list(key: ServiceKey, signal: AbortSignal): Promise<ServiceInstance[]>
  readonly logger: Logger
  /** Watches the service; `onFailure`: the watch could not bring a list. */
  subscribe(
    key: ServiceKey,
    listener: (list: readonly ServiceInstance[]) => void,
    onFailure: (error: unknown) => void,
  ): Unsubscribe
  /** A question that failed is asked again after this; ±10 %. */
  readonly retryIntervalMs: number
  /** How long an empty list is held back before it is asked for again and believed. */
  readonly emptyProtectionMs: number
  /** A list from an earlier run, used when the registry cannot be had. */
  restore(key: ServiceKey): Promise<SavedService | undefined>
  changed(snapshot: ServiceSnapshot, previous: ServiceSnapshot | undefined): void
  /** The registry gave a list that differs from what is on disk, as far as this process knows. */
  fetched(snapshot: ServiceSnapshot): void
  failed(follower: ServiceFollower, error: unknown): void
  recovered(follower: ServiceFollower): void
  /** An empty list is held back from now on. */
  held(follower: ServiceFollower): void
  released(follower: ServiceFollower): void
}

/** Keeps one service's snapshot up to date: by a watch, and by questions where there is no list yet or an empty one. */
export class ServiceFollower {
  current: ServiceSnapshot | undefined
  /** When the list in use was saved, where it comes from an earlier run. */
  restored: Date | undefined
  lastError: unknown
  /** Emits the snapshot at each change; one that listens later is called with the current one. */
  readonly changes: Listeners<ServiceSnapshot>

  /** Failed fetches in a row. */
  private failedFetches = 0
  /** Failures of the subscription since it last brought a list. */
  private failedUpdates = 0

  private readonly closing = new AbortController()
  private readonly unsubscribe: Unsubscribe
  private fetching: Promise<ServiceSnapshot> | undefined
  private timer: NodeJS.Timeout | undefined
  private askedAtMs = -Infinity
  private pushes = 0
  private emptySinceMs: number | undefined

  constructor(
    readonly key: ServiceKey,
    private readonly host: FollowerHost,
  ) {
    this.changes = new Listeners({ name: serviceKeyText(key), logger: host.logger, replay: true })
    this.unsubscribe = host.subscribe(
      key,
      (list) => {
        const push = ++this.pushes
        if (list.length < MANY) return this.take(list)
        // To decode it has taken its time already: the loop turns before it is compared, unless a newer one comes.
        void nextTurn().then(() => {
          if (push === this.pushes && !this.closing.signal.aborted) this.take(list)
        })
      },
      (error) => {
        this.failedUpdates++
        this.lastError = error
        this.host.failed(this, error)
      },
    )
  }

  /** Failures in a row, of what was asked and of what should arrive. */
  get failures(): number {
    return this.failedFetches + this.failedUpdates
  }

  /** A caller may wait for an answer. */
  get asking(): boolean {
    return this.fetching !== undefined
  }

  get heldEmpty(): boolean {
    return this.emptySinceMs !== undefined
  }

  /** The snapshot; asks the registry (once for all callers) where there is none, or an empty one that has aged. */
  get(): Promise<ServiceSnapshot> {
    const { current } = this
    if (current && current.instances.length > 0) return Promise.resolve(current)
    if (this.fetching) return this.fetching
    const aged = performance.now() - this.askedAtMs > RECHECK_MS
    if (current && !aged) return Promise.resolve(current)
    if (!aged && this.lastError !== undefined) return Promise.reject(this.lastError as Error)
    return this.fetch()
  }

  private take(list: readonly ServiceInstance[]): void {
    this.succeeded(true)
    this.apply(list, this.host.emptyProtectionMs === 0)
    if (!this.fetching) this.schedule()
  }

  close(): void {
    clearTimeout(this.timer)
    this.unsubscribe()
    this.changes.clear()
    this.closing.abort(new SidecarError('SIDECAR_STOPPED', 'The service directory is closed'))
  }

  private fetch(): Promise<ServiceSnapshot> {
    clearTimeout(this.timer)
    this.fetching = this.ask().finally(() => {
      this.fetching = undefined
      this.schedule()
    })
    this.fetching.catch(() => {}) // callers await the promise; a timer does not
    return this.fetching
  }

  private async ask(): Promise<ServiceSnapshot> {
    const pushes = this.pushes
    const confirms = this.protectedForMs() <= 0
    try {
      const list = await this.host.list(this.key, this.closing.signal)
      this.askedAtMs = performance.now()
      this.succeeded(false)
      if (list.length >= MANY) await nextTurn()
      // A push that came while the request was under way is newer than its answer.
      if (pushes === this.pushes || !this.current) this.apply(list, confirms)
    } catch (error) {
      this.closing.signal.throwIfAborted()
      this.askedAtMs = performance.now()
      this.failedFetches++
      this.lastError = error
      if (!this.current) await this.restore()
      this.host.failed(this, error)
      if (!this.current) throw error
    }
    return this.current!
  }

  /** @param updates what brought a list is the watch, not a question */
  private succeeded(updates: boolean): void {
    const { failures } = this
    this.failedFetches = 0
    if (updates) this.failedUpdates = 0
    if (this.failures > 0) return
    this.lastError = undefined
    if (failures > 0) this.host.recovered(this)
  }

  private async restore(): Promise<void> {
    const saved = await this.host.restore(this.key).catch(() => undefined)
    if (!saved || this.current || this.closing.signal.aborted) return
    this.restored = saved.savedAt
    this.replace(nextSnapshot(this.key, saved.instances, undefined))
  }

  /** @param confirms an empty list has been held for long enough. */
  private apply(list: readonly ServiceInstance[], confirms: boolean): void {
    if (this.closing.signal.aborted) return
    const previous = this.current
    const next = nextSnapshot(this.key, list, previous)
    if (previous && previous.all.length > 0 && next.all.length === 0 && !confirms) {
      return this.hold()
    }
    const known = this.restored === undefined && next === previous
    this.restored = undefined
    if (next !== previous) this.replace(next)
    if (!known) this.host.fetched(next)
    this.release()
  }

  private replace(next: ServiceSnapshot): void {
    const previous = this.current
    this.current = next
    this.host.changed(next, previous)
    this.changes.emit(next)
  }

  private hold(): void {
    if (this.heldEmpty) return
    this.emptySinceMs = performance.now()
    this.host.held(this)
  }

  private release(): void {
    if (!this.heldEmpty) return
    this.emptySinceMs = undefined
    this.host.released(this)
  }

  /** What is left of the time an empty list is held; the list of a request sent after it is applied. */
  private protectedForMs(): number {
    const { emptyProtectionMs } = this.host
    if (this.emptySinceMs === undefined) return emptyProtectionMs
    return this.emptySinceMs + emptyProtectionMs - performance.now()
  }

  /** Asks again where the last question failed, or to confirm an empty list (timers may be a little early). */
  private schedule(): void {
    clearTimeout(this.timer)
    if (this.closing.signal.aborted) return
    const delayMs =
      this.failedFetches > 0
        ? aboutMs(this.host.retryIntervalMs)
        : this.heldEmpty
          ? Math.max(0, Math.ceil(this.protectedForMs()) + 1)
          : undefined
    if (delayMs === undefined) return
    this.timer = setTimeout(() => void this.fetch().catch(() => {}), delayMs).unref()
  }
}
