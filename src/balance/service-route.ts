import type { ServiceDirectory, ServiceSnapshot } from '../discovery/directory.js'
import { noInstanceMessage } from '../discovery/no-instance.js'
import { SidecarError } from '../errors.js'
import { parseDrainHeader } from '../drain-header.js'
import type { ServiceInstance } from '../types.js'
import { hostPort } from '../instance.js'
import type { BalancerContext, BalancerFactory, Endpoint, Outcome, PickHint } from './balancer.js'
import type { OutlierDetector } from './outlier-detector.js'
import { describeFilter, matcherOf, versionOf, type InstanceFilter } from './filter.js'
import { Selection, type SelectionOptions } from './selection.js'

export interface ServiceRouteOptions {
  readonly service: string
  readonly directory: ServiceDirectory
  readonly create: BalancerFactory
  readonly context: BalancerContext
  readonly outlierDetector: OutlierDetector
  readonly filter: InstanceFilter | undefined
  /** Of instances that calls without a version of their own go to. */
  readonly version: string | undefined
  /** Called with instances that left the list. */
  readonly onGone: (instances: readonly ServiceInstance[]) => void
  /** Called if a balancer cannot be created or throws; once until the list changes. */
  readonly onBalancerFailed: (service: string, error: unknown) => void
}

/** A route to a service: its filtered list, with one rotation shared by all callers of this route. */
export class ServiceRoute {
  private snapshot: ServiceSnapshot | undefined
  private readonly matches: (instance: ServiceInstance) => boolean
  private usable: readonly ServiceInstance[] = []
  private defaultSelection: Selection | undefined
  /** By version; only of versions that are in the list, since the names come from outside. */
  private readonly versions = new Map<string, Selection>()
  private readonly selecting: SelectionOptions
  private balancerFailed = false

  constructor(private readonly options: ServiceRouteOptions) {
    const { create, context, outlierDetector } = options
    this.matches = matcherOf(options.filter)
    this.selecting = { create, context, outlierDetector, failed: (error) => this.reportBalancerFailure(error) }
  }

  get service(): string {
    return this.options.service
  }

  /**
   * Chooses an instance; `undefined` before the first list and if no instance is left. The hot path: no allocation.
   *
   * @param idempotent the call may be sent again elsewhere
   */
  pick(hint?: PickHint, idempotent = false): Endpoint | undefined {
    const snapshot = this.options.directory.peek(this.options.service)
    if (snapshot !== this.snapshot && snapshot !== undefined) this.update(snapshot)
    if (hint?.version !== undefined) {
      const endpoint = this.versions.get(hint.version)?.pick(hint, idempotent)
      if (endpoint !== undefined) return endpoint
    }
    return this.defaultSelection?.pick(hint, idempotent)
  }

  /** Every pick is followed by exactly one `done`. */
  done(endpoint: Endpoint, outcome: Outcome): void {
    try {
      endpoint.done(outcome)
    } catch (error) {
      this.reportBalancerFailure(error) // the app's own balancer: the outlier detector still gets the outcome
    }
    this.options.outlierDetector.report(endpoint.instance, outcome)
  }

  /** The response of `instance` carries the drain header (`drain-header.ts`). */
  onDrainHeader(instance: ServiceInstance, value: string): void {
    const forMs = parseDrainHeader(value, instance)
    if (forMs !== undefined) this.options.outlierDetector.setDraining(instance, forMs)
  }

  /**
   * Waits for a list, then picks; asks the registry again where the list is empty.
   *
   * @throws SidecarError `SIDECAR_NO_INSTANCE`, or what the directory throws
   */
  async awaitInstance(signal?: AbortSignal, hint?: PickHint, idempotent?: boolean): Promise<Endpoint> {
    const snapshot = await this.options.directory.get(this.options.service, signal)
    const endpoint = this.pick(hint, idempotent)
    if (endpoint === undefined) throw new SidecarError('SIDECAR_NO_INSTANCE', this.noInstanceReason(snapshot))
    return endpoint
  }

  private noInstanceReason(snapshot: ServiceSnapshot): string {
    const { filter, version, service } = this.options
    const { length } = snapshot.instances
    if (length === 0 || (filter === undefined && version === undefined)) return noInstanceMessage(snapshot)
    return `No instance of "${service}" matches ${describeFilter(filter, version)}: none of the ${length} usable instances does. Check the metadata that the providers register, and feign.client.${service}.filter and .version.`
  }

  private update(snapshot: ServiceSnapshot): void {
    const { options } = this
    const gone = this.snapshot ? missing(this.snapshot.all, snapshot.all) : []
    this.usable = options.filter === undefined ? snapshot.instances : snapshot.instances.filter(this.matches)
    options.outlierDetector.update(snapshot)
    const byVersion = groupByVersion(this.usable)
    const { version } = options
    this.defaultSelection = this.select(
      this.defaultSelection,
      version === undefined ? this.usable : (byVersion.get(version) ?? []),
    )
    for (const old of this.versions.keys()) if (!byVersion.has(old)) this.versions.delete(old)
    for (const [each, list] of byVersion) this.versions.set(each, this.select(this.versions.get(each), list))
    this.snapshot = snapshot
    this.balancerFailed = false
    if (gone.length > 0) options.onGone(gone)
  }

  private select(before: Selection | undefined, instances: readonly ServiceInstance[]): Selection {
    if (before === undefined) return new Selection(this.selecting, instances)
    before.update(instances)
    return before
  }

  private reportBalancerFailure(error: unknown): void {
    if (this.balancerFailed) return
    this.balancerFailed = true
    this.options.onBalancerFailed(this.options.service, error)
  }
}

function groupByVersion(instances: readonly ServiceInstance[]): Map<string, ServiceInstance[]> {
  const groups = new Map<string, ServiceInstance[]>()
  for (const instance of instances) {
    const version = versionOf(instance)
    if (version === undefined) continue
    const group = groups.get(version)
    if (group) group.push(instance)
    else groups.set(version, [instance])
  }
  return groups
}

/** By address, not by object: an instance whose metadata changed has not left. */
function missing(before: readonly ServiceInstance[], now: readonly ServiceInstance[]): ServiceInstance[] {
  const addresses = new Set(now.map(hostPort))
  return before.filter((instance) => !addresses.has(hostPort(instance)))
}
