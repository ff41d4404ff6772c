import type { ServiceInstance } from '../types.js'
import { hostPort } from '../instance.js'
import type { Balancer, Endpoint, PickHint } from './balancer.js'
import { createEqualTurns } from './round-robin.js'

/**
 * Keeps the balancer of the previous list while none can be created for the current one. Its choice counts if the
 * instance is still listed; otherwise the instances of the current list take equal turns.
 */
export function keepBalancer(old: Balancer, instances: readonly ServiceInstance[]): Balancer {
  const listed = new Map(instances.map((instance) => [hostPort(instance), instance]))
  const turns = createEqualTurns(instances)
  return {
    pick(hint?: PickHint): Endpoint | undefined {
      const endpoint = old.pick(hint)
      if (endpoint === undefined) return turns.pick(hint)
      const instance = listed.get(hostPort(endpoint.instance))
      if (instance !== undefined && !hint?.exclude?.has(instance))
        return { instance, done: (outcome) => endpoint.done(outcome) }
      endpoint.done('aborted')
      return turns.pick(hint)
    },
  }
}
