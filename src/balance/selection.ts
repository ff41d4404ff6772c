import type { ServiceInstance } from '../types.js'
import type { Balancer, BalancerContext, BalancerFactory, Endpoint, PickHint } from './balancer.js'
import type { Ejector } from './ejector.js'

/** Some instances of a service, those that failed set aside, and a balancer over the rest. */
export class Selection {
  private admitted: readonly ServiceInstance[] = []
  private current: Balancer | undefined
  /** Over everybody, for a call that has tried all that were admitted: better the sick than nobody. */
  private last: Balancer | undefined
  private version = -1

  constructor(
    private readonly create: BalancerFactory,
    private readonly context: BalancerContext,
    private readonly ejector: Ejector,
    private instances: readonly ServiceInstance[],
  ) {}

  get size(): number {
    return this.instances.length
  }

  update(instances: readonly ServiceInstance[]): void {
    this.instances = instances
    this.version = -1
  }

  /** @param idempotent the call may be sent again elsewhere, and so may try an instance that was set aside */
  pick(hint: PickHint | undefined, idempotent: boolean): Endpoint | undefined {
    const { ejector } = this
    if (this.version !== ejector.version) this.rebuild()
    if (ejector.due > 0) {
      const trial = ejector.trial(this.instances, idempotent, hint?.exclude)
      if (trial !== undefined) return trial
    }
    const endpoint = this.current!.pick(hint)
    if (endpoint !== undefined || this.admitted === this.instances) return endpoint
    return (this.last ??= this.create(this.instances, this.current, this.context)).pick(hint)
  }

  private rebuild(): void {
    this.version = this.ejector.version
    this.admitted = this.ejector.admit(this.instances)
    this.current = this.create(this.admitted, this.current, this.context)
    this.last = undefined
  }
}
