import type { Endpoint } from './balance/balancer.js'
import { createServiceDirectory } from './discovery/directory.js'
import { noInstanceMessage } from './discovery/no-instance.js'
import { createServiceStore } from './discovery/service-store.js'
import { createWatch, type WatchService } from './discovery/watch.js'
import { SidecarError } from './errors.js'
import type { Emit } from './events.js'
import { createFeignRuntime, type FeignRuntime } from './feign/runtime.js'
import type { Logger } from './logger.js'
import type { RegistryClient } from './registry-clients.js'
import type { Settings } from './settings/schema.js'
import type { ServiceInstance } from './types.js'

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
export function createDiscovery({ directory, routes, logger }: FeignRuntime): Discovery {
  return {
    instances: async (service) => (await directory.get(service)).instances,
    pick: async (service) => {
      const snapshot = await directory.get(service)
      const route = routes.to(service)
      const endpoint = route.pick()
      if (endpoint) return endpointDoneOnce(endpoint.instance, (outcome) => route.done(endpoint, outcome))
      throw new SidecarError('SIDECAR_NO_INSTANCE', noInstanceMessage(snapshot))
    },
    watch: createWatch(directory, logger),
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

/** What typed clients need, of a sidecar or of a script that only calls. */
export function createClientRuntime(
  parts: RegistryClient & { readonly settings: Settings; readonly logger: Logger; readonly emit: Emit },
): FeignRuntime {
  const { settings, logger, emit, snapshots } = parts
  const { group, clusterName: cluster } = settings.cloud.nacos.discovery
  const store = snapshots && createServiceStore(snapshots)
  const directory = createServiceDirectory({ ...parts, group, settings: settings.sidecar, store })
  return createFeignRuntime({ directory, settings, logger, emit, cluster })
}
