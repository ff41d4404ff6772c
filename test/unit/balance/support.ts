import type { ServiceInstance, ServiceSnapshot } from 'nacos-sidecar'
import { createRoutes, type Routes, type RoutesOptions } from '../../../src/balance/routes.js'
import type { ServiceDirectory } from '../../../src/discovery/directory.js'
import { nextSnapshot } from '../../../src/discovery/snapshot.js'
import { settingsSchema } from '../../../src/settings/schema.js'

export const key = { namespace: '', group: 'G', service: 's' }

export function instance(port: number, more: Partial<ServiceInstance> = {}): ServiceInstance {
  const base = { ...key, ip: '10.0.0.1', port, weight: 1, healthy: true, enabled: true, ephemeral: true }
  return { ...base, cluster: 'DEFAULT', metadata: {}, ...more }
}

/** Routes over a list that the test sets. */
export function routesOver(ejection: object = {}, more: Partial<RoutesOptions> = {}) {
  let snapshot: ServiceSnapshot | undefined
  const events: string[] = []
  const gone: number[][] = []
  const directory: Pick<ServiceDirectory, 'nameOf' | 'peek' | 'get'> = {
    nameOf: (service) => service,
    peek: () => snapshot,
    get: () => Promise.resolve(snapshot!),
  }
  const routes: Routes = createRoutes({
    directory: directory as ServiceDirectory,
    balancer: 'round-robin',
    cluster: 'DEFAULT',
    ejection: settingsSchema.parse({ sidecar: { ejection } }).sidecar.ejection,
    listener: {
      ejected: ({ port }) => events.push(`ejected ${port}`),
      restored: ({ port }) => events.push(`restored ${port}`),
    },
    onGone: (list) => gone.push(list.map(({ port }) => port)),
    ...more,
  })
  return {
    routes,
    events,
    gone,
    list: (...instances: ServiceInstance[]) => (snapshot = nextSnapshot(key, instances, snapshot)),
  }
}
