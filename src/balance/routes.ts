import type { ServiceDirectory } from '../discovery/directory.js'
import type { EjectionSettings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import { sharedBy } from '../util/shared-by.js'
import { OutlierDetector, type EjectionListener, type OutlierStatus } from './outlier-detector.js'
import type { InstanceFilter } from './filter.js'
import { balancerFor } from './registry.js'
import { ServiceRoute } from './service-route.js'

export interface RoutesOptions {
  readonly directory: ServiceDirectory
  /** Balancer of services that name none. */
  readonly balancer: string
  readonly ejection: EjectionSettings
  /** Nacos cluster of this process. */
  readonly cluster: string
  readonly listener: EjectionListener
  /** Called with instances that left a list. */
  readonly onGone?: (instances: readonly ServiceInstance[]) => void
  /** Called if a balancer cannot be created or throws: its service goes on with equal turns. */
  readonly onBalancerFailed?: (service: string, error: unknown) => void
}

/** How a service is to be called. */
export interface RouteChoice {
  readonly balancer?: string | undefined
  readonly filter?: InstanceFilter | undefined
  readonly version?: string | undefined
}

/**
 * The routes of one sidecar: one per service and way of choosing; all of a service share what they know of failures.
 */
export interface Routes {
  to(service: string, choice?: RouteChoice): ServiceRoute
  /** How many instances of each service that is called are ejected. */
  ejected(): readonly { readonly service: string; readonly instances: number }[]
  /** The instances that get no calls at the moment. */
  outliers(): readonly OutlierStatus[]
  close(): void
}

export function createRoutes(options: RoutesOptions): Routes {
  const { directory, cluster, ejection, listener, onGone = () => {}, onBalancerFailed = () => {} } = options
  const routes = new Map<string, ServiceRoute>()
  const detectors = new Map<string, OutlierDetector>()
  const functions = new Map<unknown, number>()

  function keyOf(service: string, balancer: string, { filter, version }: RouteChoice): string {
    if (typeof filter !== 'function') return JSON.stringify([service, balancer, version, Object.entries(filter ?? {})])
    const own = sharedBy(functions, filter, () => functions.size)
    return JSON.stringify([service, balancer, version, own])
  }

  return {
    to(written, choice = {}) {
      const service = directory.nameOf(written)
      const balancer = choice.balancer ?? options.balancer
      const { filter, version } = choice
      return sharedBy(routes, keyOf(service, balancer, choice), () => {
        const create = balancerFor(balancer)
        const outlierDetector = sharedBy(detectors, service, () => new OutlierDetector(ejection, listener))
        const listeners = { onGone, onBalancerFailed }
        return new ServiceRoute({
          service,
          directory,
          create,
          context: { cluster },
          outlierDetector,
          filter,
          version,
          ...listeners,
        })
      })
    },
    ejected: () => [...detectors].map(([service, { ejected: instances }]) => ({ service, instances })),
    outliers: () => [...detectors.values()].flatMap((detector) => detector.outliers()),
    close() {
      for (const outlierDetector of detectors.values()) outlierDetector.close()
    },
  }
}
