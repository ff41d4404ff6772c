import type { Endpoint } from '../balance/balancer.js'
import { createWatch, type WatchService } from '../discovery/watch.js'
import type { ServiceInstance } from '../types.js'
import type { CallRuntime } from './runtime.js'

/** The services that this process uses, and their instances. `service` is `name` or `group@@name`. */
export interface Discovery {
  /** The instances that may be called now: healthy, enabled, of a weight. */
  instances(service: string): Promise<readonly ServiceInstance[]>
  /**
   * One of them, by the balancer; report the outcome of the call with `done`.
   * @throws SidecarError `SIDECAR_NO_INSTANCE`
   */
  pick(service: string): Promise<Endpoint>
  /** Reports the list once it is known and each change: to a callback, or to an async iteration. */
  readonly watch: WatchService
}

/** `sidecar.discovery`, over what the typed clients use. */
export function createDiscovery({ directory, routes }: CallRuntime): Discovery {
  return {
    instances: async (service) => (await directory.get(service)).instances,
    pick: async (service) => {
      await directory.get(service) // rejects for what is no name of a service, before a route is made of it
      const route = routes.to(service)
      const endpoint = await route.awaitInstance()
      return endpointDoneOnce(endpoint.instance, (outcome) => route.done(endpoint, outcome))
    },
    watch: createWatch(directory),
  }
}

/** Ignores a second `done()`: it would count as another call. */
function endpointDoneOnce(instance: ServiceInstance, report: Endpoint['done']): Endpoint {
  let reported = false
  const done: Endpoint['done'] = (outcome) => {
    if (!reported) report(outcome)
    reported = true
  }
  return { instance, done }
}
