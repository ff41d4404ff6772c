import type { ServiceInstance } from '../types.js'
import type { Endpoint } from './balancer.js'

/** Endpoints of balancers that do not mind how calls end. */
export function plainEndpoints(instances: readonly ServiceInstance[]): readonly Endpoint[] {
  return instances.map((instance) => ({ instance, done }))
}

function done(): void {}
