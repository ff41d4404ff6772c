import type { Endpoint, Outcome } from '../balance/balancer.js'
import type { ServiceRoute } from '../balance/service-route.js'
import { callAttempts, withoutQuery } from '../diagnostics.js'
import { SidecarError } from '../errors.js'
import { hostPort } from '../instance.js'
import type { ServiceInstance } from '../types.js'
import type { RetryBudget } from './retry-budget.js'

/** What the attempts of one request go by. */
export interface AttemptRules {
  /** `undefined` for a fixed URL: there is one address only. */
  readonly route: ServiceRoute | undefined
  /** Further attempts after one that may have arrived; 0 where a second arrival could do harm. */
  readonly retry: number
  readonly budget: RetryBudget
}

/** Addresses tried in vain before a request gives up: a whole dead subnet must not cost a minute. */
const MAX_CONNECTION_ATTEMPTS = 5

/**
 * The attempts of one request: where it may go, and whether again. The one rule for typed clients, fetch, undici and
 * axios. A base class and not a part, so that a typed call stays one object.
 */
export abstract class Attempts<Rules extends AttemptRules = AttemptRules> {
  /** Requests begun, the present one included. */
  attempts = 0
  protected endpoint: Endpoint | undefined
  /** Of those begun, the ones that may have reached an instance. */
  protected sent = 0
  /** The body can be sent a second time. */
  protected replayable = true
  /** Version of the instances that the request being handled asks for. */
  protected version: string | undefined
  /** What consistent hashing goes by. */
  protected hashKey: string | undefined
  /** The outcome of the present attempt has not been reported yet. */
  private unreported = false
  /** When the present attempt began, where attempts are watched; 0 once its end has been published. */
  private beganAt = 0
  private tried: Set<ServiceInstance> | undefined

  constructor(protected readonly rules: Rules) {}

  /** What is sent, and the status of the answer there is, for `diagnostics.ts`. */
  protected abstract describe(): { readonly method: string; readonly path: string; readonly status: number }

  /** An instance this request has not tried; `undefined` where there is none, and before the first list. */
  protected pick(): Endpoint | undefined {
    return this.pickWithout(this.tried)
  }

  /**
   * Waits for a list, and chooses.
   *
   * @throws SidecarError `SIDECAR_NO_INSTANCE`
   */
  protected async awaitInstance(signal?: AbortSignal): Promise<Endpoint> {
    const route = this.rules.route!
    const snapshot = await route.refresh(signal)
    const endpoint = this.pick()
    if (endpoint === undefined) throw new SidecarError('SIDECAR_NO_INSTANCE', route.noInstanceReason(snapshot))
    return endpoint
  }

  /** An attempt begins. Each one is followed by `report`. */
  protected begin(endpoint: Endpoint | undefined): void {
    this.attempts++
    this.endpoint = endpoint
    this.unreported = endpoint !== undefined
    if (callAttempts.active) this.beganAt = performance.now()
  }

  /** Reports the outcome of the present attempt to the balancer and the outlier detector, once. */
  protected report(outcome: Outcome): void {
    if (this.beganAt !== 0) this.publish(outcome)
    if (!this.unreported) return
    this.unreported = false
    this.rules.route!.done(this.endpoint!, outcome)
  }

  private publish(outcome: Outcome): void {
    const { method, path, status } = this.describe()
    const { instance } = this.endpoint ?? {}
    callAttempts.publish({
      ...{ service: this.rules.route?.service, instance: instance && hostPort(instance) },
      ...{ method, path: withoutQuery(path), status: status || undefined },
      ...{ outcome, attempt: this.attempts, ms: performance.now() - this.beganAt },
    })
    this.beganAt = 0
  }

  /** The response head carries the drain header: its instance drains. */
  protected onDrainHeader(value: string): void {
    if (this.endpoint !== undefined) this.rules.route!.onDrainHeader(this.endpoint.instance, value)
  }

  /**
   * Whether the request may be sent once more. One that was never sent is safe to repeat elsewhere, whatever its body
   * is: nothing of it was read. One that may have arrived is repeated only where a second arrival does no harm.
   */
  protected mayRepeat(neverSent: boolean): boolean {
    if (neverSent) return this.attempts - this.sent < MAX_CONNECTION_ATTEMPTS
    return this.replayable && this.sent <= this.rules.retry
  }

  /**
   * Where the request goes after an attempt that failed; `undefined` where it may not be repeated, where no instance
   * is left, or where enough has been repeated of late. A request that never left draws on no budget: it cost no
   * instance any work.
   *
   * @param answered the instance gave an answer: it is not asked the same again
   */
  protected next(neverSent: boolean, answered = false): Endpoint | undefined {
    if (!this.mayRepeat(neverSent)) return undefined
    if (this.endpoint !== undefined) (this.tried ??= new Set()).add(this.endpoint.instance)
    // All have been tried: a request whose connection broke may go back to one of them.
    const next = this.pick() ?? (neverSent || answered ? undefined : this.pickWithout(undefined))
    if (next === undefined || neverSent || this.rules.budget.withdraw()) return next
    this.rules.route!.done(next, 'aborted')
    return undefined
  }

  /** Only a request that could be sent again tries an instance that was ejected. */
  private pickWithout(exclude: ReadonlySet<ServiceInstance> | undefined): Endpoint | undefined {
    const { hashKey, version, rules, replayable } = this
    const plain = exclude === undefined && hashKey === undefined && version === undefined
    return rules.route!.pick(plain ? undefined : { exclude, hashKey, version }, replayable && rules.retry > 0)
  }
}
