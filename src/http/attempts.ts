import type { Endpoint } from '../balance/balancer.js'
import type { ServiceRoute } from '../balance/service-route.js'
import { mayRetry, rulesFor, type RetryRules } from '../feign/retry.js'
import type { RetryBudget } from '../feign/retry-budget.js'
import type { FeignRuntime, RoutedTarget } from '../feign/runtime.js'
import { LEAVING_HEADER } from '../leaving-mark.js'
import type { ServiceInstance } from '../types.js'

/** The attempts of one request to a logical name: whom it may go to, and whether again. */
export class Attempts {
  readonly route: ServiceRoute
  private readonly rules: RetryRules
  private readonly budget: RetryBudget
  private readonly tried = new Set<ServiceInstance>()
  private begun = 0
  private sent = 0

  /** @param version of the instances that the request being handled asks for */
  constructor(
    runtime: Pick<FeignRuntime, 'budget'>,
    { route, retry }: RoutedTarget,
    verb: string | undefined,
    private readonly version: string | undefined,
  ) {
    this.route = route
    this.rules = rulesFor(verb, retry)
    this.budget = runtime.budget(route.service)
    this.budget.deposit()
  }

  /** Somebody who has not been tried; `undefined` before the first list, too. */
  pick(): Endpoint | undefined {
    return this.route.pick({ exclude: this.tried, version: this.version }, this.rules.idempotent)
  }

  begin({ instance }: Endpoint): void {
    this.begun++
    this.tried.add(instance)
  }

  /** The present one may have arrived. */
  wasSent(): void {
    this.sent++
  }

  /** The head of its answer may say that it leaves. Adapters of axios that stand for a server may give none. */
  heard({ instance }: Endpoint, headers: Readonly<Record<string, unknown>> | undefined): void {
    const mark = headers?.[LEAVING_HEADER]
    if (typeof mark === 'string') this.route.marked(instance, mark)
  }

  /** Whom to try after an attempt that failed; `undefined` where it may not be repeated, or there is nobody. */
  again(neverSent: boolean): Endpoint | undefined {
    const { rules, budget, begun: attempts, sent, version } = this
    if (!mayRetry(rules, { neverSent, attempts, sent }) || !(neverSent || budget.withdraw())) return undefined
    // Everybody has been tried: an idempotent call whose connection broke may go back to one of them.
    return this.pick() ?? (neverSent ? undefined : this.route.pick({ version }, rules.idempotent))
  }
}
