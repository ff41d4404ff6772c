import type { ServiceInstance } from '../types.js'
import type { Balancer, PickHint } from './balancer.js'
import { plainEndpoints } from './endpoint.js'
import { WeightedDraw } from './weighted-draw.js'

/** Weighted random choice: no state to carry, and many callers never fall into step. */
export function createRandom(instances: readonly ServiceInstance[]): Balancer {
  const endpoints = plainEndpoints(instances)
  const draw = new WeightedDraw(instances.map((instance) => instance.weight))
  return {
    pick(hint?: PickHint) {
      if (endpoints.length === 0) return undefined
      const exclude = hint?.exclude
      if (exclude === undefined || exclude.size === 0) return endpoints[draw.next()]
      const left = instances.filter((instance) => !exclude.has(instance))
      return left.length === 0 ? undefined : createRandom(left).pick()
    },
  }
}
