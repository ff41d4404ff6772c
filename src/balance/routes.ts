import type { ServiceDirectory, ServiceSnapshot } from '../discovery/directory.js'
import type { ServiceInstance } from '../types.js'
import type { Balancer, BalancerFactory } from './balancer.js'
import { balancerFor } from './registry.js'

/** A service with one rotation over it, shared by everyone who calls the service with that balancer. */
export class ServiceRoute {
  private snapshot: ServiceSnapshot | undefined
  private current: Balancer | undefined

  constructor(
    readonly service: string,
    private readonly directory: ServiceDirectory,
    private readonly create: BalancerFactory,
    private readonly onGone: (instances: readonly ServiceInstance[]) => void,
  ) {}

  /** The balancer of the list as it is now; `undefined` before the first list. The hot path: no allocation. */
  balancer(): Balancer | undefined {
    const snapshot = this.directory.peek(this.service)
    return snapshot === this.snapshot ? this.current : this.update(snapshot)
  }

  /** Waits for a list; asks the registry again where the list is empty. */
  refresh(signal?: AbortSignal): Promise<ServiceSnapshot> {
    return this.directory.get(this.service, signal)
  }

  private update(snapshot: ServiceSnapshot | undefined): Balancer | undefined {
    if (!snapshot) return this.current
    const gone = this.snapshot ? missing(this.snapshot.all, snapshot.all) : []
    this.snapshot = snapshot
    this.current = this.create(snapshot.instances, this.current)
    if (gone.length > 0) this.onGone(gone)
    return this.current
  }
}

export interface RoutesOptions {
  readonly directory: ServiceDirectory
  /** Balancer of services that name none. */
  readonly balancer: string
  /** Hears of instances that left a list. */
  readonly onGone?: (instances: readonly ServiceInstance[]) => void
}

/** The routes of one sidecar: one per service and balancer. */
export interface Routes {
  to(service: string, balancer?: string): ServiceRoute
}

export function createRoutes({ directory, balancer: fallback, onGone = () => {} }: RoutesOptions): Routes {
  const routes = new Map<string, ServiceRoute>()
  return {
    to(service, balancer = fallback) {
      const key = `${balancer} ${service}`
      let route = routes.get(key)
      if (!route) routes.set(key, (route = new ServiceRoute(service, directory, balancerFor(balancer), onGone)))
      return route
    },
  }
}

/** By address, not by object: an instance whose metadata changed has not left. */
function missing(before: readonly ServiceInstance[], now: readonly ServiceInstance[]): ServiceInstance[] {
  const addresses = new Set(now.map(addressOf))
  return before.filter((instance) => !addresses.has(addressOf(instance)))
}

function addressOf(instance: ServiceInstance): string {
  return `${instance.ip} ${instance.port}`
}
