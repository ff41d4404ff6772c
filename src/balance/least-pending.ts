import type { ServiceInstance } from '../types.js'
import { hostPort } from '../instance.js'
import type { Balancer, Endpoint, PickHint } from './balancer.js'
import { WeightedDraw } from './weighted-draw.js'

/**
 * Of two drawn at random by weight, the one with fewer calls under way for its weight. Two choices keep the longest
 * queue nearly as short as a comparison of all would, at a fixed cost, and a slow instance is left in peace.
 */
export function createLeastPending(instances: readonly ServiceInstance[], previous?: Balancer): Balancer {
  return new LeastPending(instances, previous instanceof LeastPending ? previous : undefined)
}

class LeastPending implements Balancer {
  readonly endpoints: readonly CountingEndpoint[]
  private readonly draw: WeightedDraw

  constructor(instances: readonly ServiceInstance[], before: LeastPending | undefined) {
    // Calls under way outlive a list: instances that stay keep their count.
    const counts = new Map(before?.endpoints.map(({ instance, count }) => [hostPort(instance), count]))
    this.endpoints = instances.map((instance) => {
      return new CountingEndpoint(instance, counts.get(hostPort(instance)) ?? { pending: 0 })
    })
    this.draw = new WeightedDraw(instances.map(({ weight }) => weight))
  }

  pick(hint?: PickHint): Endpoint | undefined {
    const chosen = hint?.exclude?.size ? this.leastOf(hint.exclude) : this.ofTwo()
    if (chosen !== undefined) chosen.count.pending++
    return chosen
  }

  private ofTwo(): CountingEndpoint | undefined {
    if (this.endpoints.length === 0) return undefined
    const one = this.endpoints[this.draw.next()]!
    const other = this.endpoints[this.draw.next()]!
    // Equally busy: the first drawn, so that an idle service is shared by weight.
    return other.load < one.load ? other : one
  }

  /** A retry is rare enough to compare all instances. */
  private leastOf(exclude: ReadonlySet<ServiceInstance>): CountingEndpoint | undefined {
    let least: CountingEndpoint | undefined
    for (const endpoint of this.endpoints) {
      if (!exclude.has(endpoint.instance) && (least === undefined || endpoint.load < least.load)) least = endpoint
    }
    return least
  }
}

class CountingEndpoint implements Endpoint {
  private readonly perCall: number

  constructor(
    readonly instance: ServiceInstance,
    readonly count: { pending: number },
  ) {
    this.perCall = 1 / instance.weight
  }

  get load(): number {
    return this.count.pending * this.perCall
  }

  done(): void {
    this.count.pending--
  }
}
