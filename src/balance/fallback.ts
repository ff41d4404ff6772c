import type { ServiceInstance } from '../types.js'
import { addressOf } from './address.js'
import type { Balancer, Endpoint, PickHint } from './balancer.js'
import { createEqualTurns } from './round-robin.js'

/**
 * The balancer of the list before, for as long as none could be made for the list there is: its choice counts where it
 * is still listed. What has gone is not called, and who is new has turns where the old one knows nobody.
 */
export function keepBalancer(old: Balancer, instances: readonly ServiceInstance[]): Balancer {
  const listed = new Map(instances.map((instance) => [addressOf(instance), instance]))
  const turns = createEqualTurns(instances)
  return {
    pick(hint?: PickHint): Endpoint | undefined {
      const endpoint = old.pick(hint)
      if (endpoint === undefined) return turns.pick(hint)
      const instance = listed.get(addressOf(endpoint.instance))
      if (instance !== undefined && !hint?.exclude?.has(instance))
        return { instance, done: (outcome) => endpoint.done(outcome) }
      endpoint.done('aborted')
      return turns.pick(hint)
    },
  }
}
