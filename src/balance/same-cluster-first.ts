import type { ServiceInstance } from '../types.js'
import type { Balancer, BalancerContext, PickHint } from './balancer.js'
import { createRoundRobin } from './round-robin.js'

/**
 * Takes turns among the instances of this process's own Nacos cluster, and among the others where its own has none
 * that may be called, or none left that the call has not tried.
 */
export function createSameClusterFirst(
  instances: readonly ServiceInstance[],
  previous?: Balancer,
  { cluster }: BalancerContext = { cluster: 'DEFAULT' },
): Balancer {
  const before = previous instanceof SameClusterFirst ? previous : undefined
  return new SameClusterFirst(instances, cluster, before)
}

class SameClusterFirst implements Balancer {
  private readonly own: Balancer
  private readonly others: Balancer

  constructor(instances: readonly ServiceInstance[], cluster: string, before: SameClusterFirst | undefined) {
    const isOwn = (instance: ServiceInstance) => instance.cluster === cluster
    this.own = createRoundRobin(instances.filter(isOwn), before?.own)
    this.others = createRoundRobin(
      instances.filter((instance) => !isOwn(instance)),
      before?.others,
    )
  }

  pick(hint?: PickHint) {
    return this.own.pick(hint) ?? this.others.pick(hint)
  }
}
