import type { ServiceInstance } from '../types.js'
import type { Balancer, Endpoint, PickHint } from './balancer.js'
import { plainEndpoints } from './endpoint.js'

/** Weighted random choice: no state to carry, and many callers never fall into step. */
export function createRandom(instances: readonly ServiceInstance[]): Balancer {
  const endpoints = plainEndpoints(instances)
  const upTo = new Float64Array(instances.length)
  let total = 0
  instances.forEach((instance, index) => (upTo[index] = total += instance.weight))

  function any(): Endpoint {
    const drawn = Math.random() * total
    let low = 0
    let high = upTo.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (upTo[middle]! > drawn) high = middle
      else low = middle + 1
    }
    return endpoints[low]!
  }

  return {
    pick(hint?: PickHint) {
      if (endpoints.length === 0) return undefined
      const exclude = hint?.exclude
      if (exclude === undefined || exclude.size === 0) return any()
      const left = instances.filter((instance) => !exclude.has(instance))
      return left.length === 0 ? undefined : createRandom(left).pick()
    },
  }
}
