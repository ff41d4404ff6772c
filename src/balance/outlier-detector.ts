import { backOffMs } from '../util/backoff.js'
import type { ServiceSnapshot } from '../discovery/directory.js'
import type { EjectionSettings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import { hostPort } from '../instance.js'
import type { Endpoint, Outcome } from './balancer.js'

/** Called when an instance is ejected or restored. */
export interface EjectionListener {
  ejected(instance: ServiceInstance, forMs: number): void
  restored(instance: ServiceInstance): void
}

type HostStatus = 'available' | 'ejected' | 'probe-due' | 'probing' | 'draining'

/** An instance that gets no calls at the moment, and why. */
export interface OutlierStatus {
  readonly instance: ServiceInstance
  /** `probe-due`: the next call tries it; `probing`: a call is trying it; `draining`: it said that it leaves. */
  readonly state: Exclude<HostStatus, 'available'>
  readonly since: Date
  /** When it is tried again; `undefined` once it is. */
  readonly until: Date | undefined
  /** Failed calls in a row, and those of them that found no connection. */
  readonly failures: number
  readonly connectFailures: number
  /** How often it was ejected lately. */
  readonly ejections: number
}

/** An instance that failed recently, or that drains. */
interface HostState {
  /** As the list has it now. */
  instance: ServiceInstance
  status: HostStatus
  /** Failures and refused connections in a row. */
  failures: number
  connectFailures: number
  /** Recent ejections: each makes the next one longer. */
  ejections: number
  /** While 'probe-due': since when. While 'available': when its ejections are forgotten. */
  atMs: number
  /** Wall clock of the last ejection or drain header, and when that ends. */
  sinceMs: number
  untilMs: number
  timer?: NodeJS.Timeout
}

/**
 * Ejects instances of one service that keep failing, each for a growing time. Then one call probes the instance, which
 * is restored or ejected again. Draining instances are skipped too. Detection is passive: it uses the outcomes of calls
 * and sends nothing itself. State is kept by address, so a new list does not reset the instances that stay.
 */
export class OutlierDetector {
  /** Changes when an instance becomes available or unavailable, so that a pick need not check each instance. */
  version = 0
  /** Instances whose ejection time is over, waiting for a probe. */
  probesDue = 0
  private readonly hosts = new Map<string, HostState>()
  private ejectedCount = 0
  private drainingCount = 0
  private listed: readonly ServiceInstance[] = []

  constructor(
    private readonly settings: EjectionSettings,
    private readonly listener: EjectionListener,
  ) {}

  /** Instances that are out because they failed; those that wait for a probe, too. */
  get ejected(): number {
    return this.ejectedCount
  }

  /** Those that are out. */
  outliers(): OutlierStatus[] {
    return [...this.hosts.values()].flatMap(({ status: state, sinceMs, untilMs, ...host }) => {
      if (state === 'available') return []
      const { instance, failures, connectFailures, ejections } = host
      const timed = state === 'ejected' || state === 'draining'
      const times = { since: new Date(sinceMs), until: timed ? new Date(untilMs) : undefined }
      return [{ instance, state, ...times, failures, connectFailures, ejections }]
    })
  }

  /**
   * The instances that may be called: without draining ones, unless all drain; and without ejected ones, unless too few
   * would be left, because many failures at once are not the fault of the instances.
   */
  filterAvailable(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
    if (this.ejectedCount + this.drainingCount === 0) return instances
    const notDraining = this.without(instances, (state) => state === 'draining')
    const all = notDraining.length === 0 ? instances : notDraining
    const available = this.without(all, (state) => state !== 'available' && state !== 'draining')
    const panic = available.length === 0 || available.length * 100 < all.length * this.settings.panicShare
    return panic ? all : available
  }

  /** Records the outcome of a call. If it is ok and no host is tracked, the cost is one comparison. */
  report(instance: ServiceInstance, outcome: Outcome): void {
    if (outcome === 'aborted' || (outcome === 'ok' && this.hosts.size === 0) || !this.settings.enabled) return
    const address = hostPort(instance)
    const host = this.hosts.get(address)
    // Its listener is closed: from now on it counts as failed.
    if (host?.status === 'draining' && outcome === 'never-connected') this.setStatus(host, 'available')
    if (host !== undefined && host.status !== 'available') return // an answer from before it was taken out
    if (outcome !== 'ok') return this.onFailure(host ?? this.track(address, instance), outcome)
    if (host === undefined) return
    host.failures = host.connectFailures = 0
    if (host.ejections === 0 || performance.now() > host.atMs) this.hosts.delete(address)
  }

  /**
   * Skips this instance for `forMs`: it announced a drain. It still answers, so it needs no probe, and it does not
   * count against the share of instances that may be ejected.
   */
  setDraining(instance: ServiceInstance, forMs: number): void {
    if (!this.settings.enabled) return
    const address = hostPort(instance)
    const known = this.hosts.get(address)
    if (known === undefined && !this.listed.some((one) => hostPort(one) === address)) return // a late answer
    const host = known ?? this.track(address, instance)
    if (host.status !== 'available') return
    this.setStatus(host, 'draining')
    host.failures = host.connectFailures = 0
    // If it returns at the same address while the registry is down, no list update will say so.
    const outMs = Math.min(forMs, this.settings.maxTime)
    this.recordTime(host, outMs)
    host.timer = setTimeout(() => this.setStatus(host, 'available'), outMs).unref()
  }

  /**
   * One of `instances` that is due for a probe, for one call. An idempotent call can be repeated elsewhere if the
   * instance still fails; other calls probe it only if no idempotent one came for a while.
   */
  pickProbe(
    instances: readonly ServiceInstance[],
    idempotent: boolean,
    exclude?: ReadonlySet<ServiceInstance>,
  ): Endpoint | undefined {
    for (const host of this.hosts.values()) {
      const { status, instance, atMs } = host
      if (status !== 'probe-due' || !(idempotent || performance.now() - atMs > this.settings.time)) continue
      if (exclude?.has(instance) || !instances.includes(instance)) continue
      this.setStatus(host, 'probing')
      // The outcome may never be reported (an unread body): then another call may probe.
      host.timer = setTimeout(() => this.setProbeDue(host), this.settings.maxTime).unref()
      return { instance, done: (outcome) => this.onProbeDone(host, outcome) }
    }
    return undefined
  }

  /** Applies a new list; hosts that left it, or that the registry marks as not callable, are forgotten. */
  update({ instances }: ServiceSnapshot): void {
    this.listed = instances
    if (this.hosts.size === 0) return
    const now = new Map(instances.map((instance) => [hostPort(instance), instance]))
    for (const [address, host] of this.hosts) {
      const instance = now.get(address)
      if (instance !== undefined) {
        host.instance = instance
        continue
      }
      this.hosts.delete(address)
      this.setStatus(host, 'available')
    }
  }

  close(): void {
    for (const { timer } of this.hosts.values()) clearTimeout(timer)
    this.hosts.clear()
    this.ejectedCount = this.drainingCount = this.probesDue = 0
  }

  /** Returns the same list if no instance is left out. */
  private without(
    instances: readonly ServiceInstance[],
    leftOut: (state: HostStatus) => boolean,
  ): readonly ServiceInstance[] {
    const rest = instances.filter((instance) => !leftOut(this.hosts.get(hostPort(instance))?.status ?? 'available'))
    return rest.length === instances.length ? instances : rest
  }

  private track(address: string, instance: ServiceInstance): HostState {
    const counts = { failures: 0, connectFailures: 0, ejections: 0 }
    const host: HostState = { instance, status: 'available', ...counts, atMs: 0, sinceMs: 0, untilMs: 0 }
    this.hosts.set(address, host)
    return host
  }

  private setStatus(host: HostState, state: HostStatus): void {
    clearTimeout(host.timer)
    if ((host.status === 'available') !== (state === 'available')) this.version++
    this.count(host.status, -1)
    this.count(state, 1)
    host.status = state
  }

  private count(state: HostStatus, by: 1 | -1): void {
    if (state === 'draining') this.drainingCount += by
    else if (state !== 'available') this.ejectedCount += by
    if (state === 'probe-due') this.probesDue += by
  }

  private onFailure(host: HostState, outcome: Outcome): void {
    const { failures, connectFailures, maxShare } = this.settings
    host.failures++
    if (outcome === 'never-connected') host.connectFailures++
    if (host.failures < failures && host.connectFailures < connectFailures) return
    if ((this.ejectedCount + 1) * 100 <= (this.listed.length - this.drainingCount) * maxShare) this.eject(host)
  }

  private eject(host: HostState): void {
    const { time, maxTime } = this.settings
    this.setStatus(host, 'ejected')
    // Jittered downwards: the clients of a service must not all come back to an instance at the same moment.
    const forMs = Math.round(backOffMs(++host.ejections, { firstMs: time, lastMs: maxTime, spread: 0.2 }))
    this.recordTime(host, forMs)
    host.timer = setTimeout(() => this.setProbeDue(host), forMs).unref()
    this.listener.ejected(host.instance, forMs)
  }

  private recordTime(host: HostState, forMs: number): void {
    host.sinceMs = Date.now()
    host.untilMs = host.sinceMs + forMs
  }

  private setProbeDue(host: HostState): void {
    this.setStatus(host, 'probe-due')
    host.atMs = performance.now()
  }

  private onProbeDone(host: HostState, outcome: Outcome): void {
    if (host.status !== 'probing') return // it left the list meanwhile, or took too long
    if (outcome === 'aborted') {
      this.setStatus(host, 'probe-due')
    } else if (outcome === 'ok') {
      this.setStatus(host, 'available')
      host.failures = host.connectFailures = 0
      host.atMs = performance.now() + this.settings.maxTime
      this.listener.restored(host.instance)
    } else {
      this.eject(host)
    }
  }
}
