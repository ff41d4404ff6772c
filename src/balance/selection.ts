import { SidecarError } from '../errors.js'
import type { ServiceInstance } from '../types.js'
import { hostPort } from '../instance.js'
import type { Balancer, BalancerContext, BalancerFactory, Endpoint, PickHint } from './balancer.js'
import type { OutlierDetector } from './outlier-detector.js'
import { keepBalancer } from './fallback.js'
import { isBuiltIn } from './registry.js'
import { createEqualTurns } from './round-robin.js'

export interface SelectionOptions {
  readonly create: BalancerFactory
  readonly context: BalancerContext
  readonly outlierDetector: OutlierDetector
  /** Called if a balancer cannot be created, or throws. */
  failed(error: unknown): void
}

/**
 * Instances of a service without the ejected ones, and a balancer over them. If a balancer of the app throws, the
 * service stays callable: the previous balancer stays for that change, then instances take equal turns.
 */
export class Selection {
  private available: readonly ServiceInstance[] = []
  private current: Balancer | undefined
  /** As the factory made it last: the `previous` of the next one. */
  private made: Balancer | undefined
  /** `made` is of an older list, for the factory has thrown since. */
  private outdated = false
  /** Over all instances, for a call that has tried all available ones: an ejected instance is better than none. */
  private fallbackToAll: Balancer | undefined
  private version = -1
  private listed: ReadonlySet<ServiceInstance> | undefined

  /** A check of each endpoint costs as much as the pick itself; balancers of this package need none. */
  private readonly trusted: boolean

  constructor(
    private readonly options: SelectionOptions,
    private instances: readonly ServiceInstance[],
  ) {
    this.trusted = isBuiltIn(options.create)
  }

  get size(): number {
    return this.instances.length
  }

  update(instances: readonly ServiceInstance[]): void {
    this.instances = instances
    this.listed = undefined
    this.version = -1
  }

  /** @param idempotent the call may be sent again elsewhere, and so may try an instance that was set aside */
  pick(hint: PickHint | undefined, idempotent: boolean): Endpoint | undefined {
    const { outlierDetector } = this.options
    if (this.version !== outlierDetector.version) this.rebuild()
    if (outlierDetector.probesDue > 0) {
      const probe = outlierDetector.pickProbe(this.instances, idempotent, hint?.exclude)
      if (probe !== undefined) return probe
    }
    try {
      const endpoint = this.checked(this.current!.pick(hint))
      if (endpoint !== undefined || this.available === this.instances) return endpoint
      return this.checked((this.fallbackToAll ??= this.create(this.instances)).pick(hint))
    } catch (error) {
      this.options.failed(error)
      this.current = createEqualTurns(this.available)
      this.fallbackToAll = createEqualTurns(this.instances)
      return this.current.pick(hint) ?? this.fallbackToAll.pick(hint)
    }
  }

  /** An app's own balancer may return anything: a promise, an instance, an endpoint of another list. */
  private checked(endpoint: Endpoint | undefined | null): Endpoint | undefined {
    if (endpoint === undefined || endpoint === null) return undefined
    if (this.trusted) return endpoint
    this.listed ??= new Set(this.instances)
    const { instance, done } = endpoint as Partial<Endpoint>
    if (typeof done === 'function' && instance !== undefined) {
      if (this.listed.has(instance)) return endpoint
      // Kept from a list before, whose instance is there still.
      const address = hostPort(instance)
      if (this.instances.some((own) => hostPort(own) === address)) return endpoint
    }
    Promise.resolve(endpoint).catch(() => {}) // what a promise says beyond that is of no use
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      'its pick(hint) must return undefined or { instance, done } at once, with an instance of its list',
    )
  }

  private rebuild(): void {
    const { outlierDetector } = this.options
    const { version } = outlierDetector
    this.available = outlierDetector.filterAvailable(this.instances)
    this.fallbackToAll = undefined
    try {
      this.current = this.made = this.create(this.available)
      this.outdated = false
    } catch (error) {
      const keep = this.outdated ? undefined : this.made
      this.outdated = true
      this.current = keep ? keepBalancer(keep, this.available) : createEqualTurns(this.available)
      this.options.failed(error)
    }
    this.version = version
  }

  private create(instances: readonly ServiceInstance[]): Balancer {
    const balancer: Balancer | undefined = this.options.create(instances, this.made, this.options.context)
    if (typeof balancer?.pick === 'function') return balancer
    throw new SidecarError('SIDECAR_SETTINGS_INVALID', 'its factory returned no balancer: an object with pick(hint)')
  }
}
