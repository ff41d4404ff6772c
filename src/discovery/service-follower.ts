import { performance } from 'node:perf_hooks'
import { SidecarError } from '../errors.js'
import type { ServiceInstance, ServiceKey, Unsubscribe } from '../types.js'
import { nextSnapshot, type ServiceSnapshot } from './snapshot.js'

/** How long an answer stands before a caller's need alone asks the registry again. */
const RECHECK_MS = 1_000

/** What a follower needs of the directory it lives in. */
export interface FollowerHost {
  /** Asks the registry, within the directory's bound on parallel requests. */
  list(key: ServiceKey, signal: AbortSignal): Promise<ServiceInstance[]>
  /** Subscribes where the transport pushes. */
  subscribe?(key: ServiceKey, listener: (list: readonly ServiceInstance[]) => void): Unsubscribe
  readonly pollIntervalMs: number
  /** May hold a new list back: an empty one is not believed at once. */
  accept(next: ServiceSnapshot, current: ServiceSnapshot): boolean
  /** A list from the last run, used when the registry cannot be had. */
  restore(key: ServiceKey): Promise<readonly ServiceInstance[] | undefined>
  changed(snapshot: ServiceSnapshot, previous: ServiceSnapshot | undefined): void
  failed(follower: ServiceFollower, error: unknown): void
  recovered(follower: ServiceFollower): void
}

/** Keeps one service's snapshot up to date: by push where there is one, by jittered polls where there is not. */
export class ServiceFollower {
  current: ServiceSnapshot | undefined
  lastError: unknown
  /** Failed fetches in a row. */
  failures = 0

  private readonly closing = new AbortController()
  private readonly unsubscribe: Unsubscribe | undefined
  private fetching: Promise<ServiceSnapshot> | undefined
  private timer: NodeJS.Timeout | undefined
  private askedAtMs = -Infinity
  private pushes = 0

  constructor(
    readonly key: ServiceKey,
    private readonly host: FollowerHost,
  ) {
    this.unsubscribe = host.subscribe?.(key, (list) => {
      this.pushes++
      this.apply(list)
    })
  }

  get pushed(): boolean {
    return this.unsubscribe !== undefined
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

  close(): void {
    clearTimeout(this.timer)
    this.unsubscribe?.()
    this.closing.abort(new SidecarError('SIDECAR_STOPPED', 'The service directory is closed'))
  }

  private fetch(): Promise<ServiceSnapshot> {
    clearTimeout(this.timer)
    this.fetching = this.ask().finally(() => {
      this.fetching = undefined
      this.schedule()
    })
    this.fetching.catch(() => {}) // whoever awaits it hears of it; a poll has nobody
    return this.fetching
  }

  private async ask(): Promise<ServiceSnapshot> {
    const pushes = this.pushes
    try {
      const list = await this.host.list(this.key, this.closing.signal)
      this.succeeded()
      // A push that came while the request was under way is newer than its answer.
      if (pushes === this.pushes || !this.current) this.apply(list)
    } catch (error) {
      this.closing.signal.throwIfAborted()
      this.askedAtMs = performance.now()
      this.failures++
      this.lastError = error
      this.host.failed(this, error)
      if (!this.current) await this.restore()
      if (!this.current) throw error
    }
    return this.current!
  }

  private succeeded(): void {
    this.askedAtMs = performance.now()
    this.lastError = undefined
    if (this.failures === 0) return
    this.failures = 0
    this.host.recovered(this)
  }

  private async restore(): Promise<void> {
    const list = await this.host.restore(this.key).catch(() => undefined)
    if (list && !this.current) this.apply(list)
  }

  private apply(list: readonly ServiceInstance[]): void {
    if (this.closing.signal.aborted) return
    const previous = this.current
    const next = nextSnapshot(this.key, list, previous)
    if (next === previous) return
    if (previous && !this.host.accept(next, previous)) return
    this.current = next
    this.host.changed(next, previous)
  }

  /** Polls on; with push only until a list is there. */
  private schedule(): void {
    if (this.closing.signal.aborted || (this.pushed && this.failures === 0)) return
    const delayMs = this.host.pollIntervalMs * (0.9 + Math.random() * 0.2)
    this.timer = setTimeout(() => void this.fetch().catch(() => {}), delayMs).unref()
  }
}
