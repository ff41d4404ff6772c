import type { Endpoint, Outcome, PickHint } from '../balance/balancer.js'
import type { ServiceRoute } from '../balance/service-route.js'
import { callAttempts, shownPath } from '../diagnostics.js'
import { codeOrNameOf } from '../errors.js'
import type { ServiceInstance } from '../types.js'
import { CallFigure, type CallFigures } from './call-figure.js'
import type { RetryBudget } from './retry-budget.js'

/** What the attempts of one request go by. */
export interface AttemptRules {
  /** `undefined` for a fixed URL: there is one address only. */
  readonly route: ServiceRoute | undefined
  /** Further attempts after one that may have arrived (`retriesOf`); 0 where a second arrival could do harm. */
  readonly retry: number
  readonly budget: RetryBudget
}

/** Addresses tried in vain before a request gives up: a whole dead subnet must not cost a minute. */
const MAX_CONNECTION_ATTEMPTS = 5

/**
 * The attempts of one request: where it may go, whether again, and what is reported of each. The one rule for typed
 * clients, fetch, undici and axios. In turn: `choose`, `begin`, `report`, and `again` after a failure.
 */
export class Attempts extends CallFigure {
  /** Of those begun, the ones that may have reached an instance. */
  sent = 0
  /** The body can be sent a second time. */
  replayable = true
  /** Version of the instances that the request being handled asks for. */
  version: string | undefined
  /** Key of consistent hashing. */
  hashKey: string | undefined
  /** An instance was picked, and its balancer has not been told the outcome yet. */
  private unreported = false
  /** When the present attempt began, where attempts are watched; 0 once its end has been published. */
  private beganAt = 0
  private tried: Set<ServiceInstance> | undefined

  /** @param method and `path` are for `diagnostics.ts` @param figures `undefined` where they are written elsewhere */
  constructor(
    private readonly rules: AttemptRules,
    private readonly method: string,
    private readonly path: string,
    figures: CallFigures | undefined,
  ) {
    super(figures)
  }

  /** Counts the request, and chooses its first instance; false where there is none, and before the first list. */
  choose(): boolean {
    this.start()
    this.rules.budget.deposit()
    return this.rules.route === undefined || this.take(this.pick(undefined))
  }

  /**
   * Waits for a list, then chooses the first instance.
   *
   * @throws SidecarError `SIDECAR_NO_INSTANCE`, or what the directory throws
   */
  async awaitChoice(signal?: AbortSignal): Promise<void> {
    this.take(await this.rules.route!.awaitInstance(signal, this.hint(undefined), this.isRepeatable))
  }

  /** An attempt begins, at `endpoint`. */
  begin(): void {
    this.count++
    if (callAttempts.active || this.trace !== undefined) this.beganAt = performance.now()
  }

  /**
   * Reports the outcome of the present attempt to the balancer and the outlier detector, once.
   *
   * @param status of the response; 0 where there is none
   * @param error why there is none
   */
  report(outcome: Outcome, status = 0, error?: unknown): void {
    if (this.beganAt !== 0) this.publish(outcome, status, error)
    if (!this.unreported) return
    this.unreported = false
    this.rules.route!.done(this.endpoint!, outcome)
  }

  /** The response head carries the drain header: its instance drains. */
  onDrainHeader(value: string): void {
    if (this.endpoint !== undefined) this.rules.route!.onDrainHeader(this.endpoint.instance, value)
  }

  /**
   * Whether the request goes on after an attempt that failed, to what is then `endpoint`; false where it may not be
   * repeated, where no instance is left, or where too many requests have been repeated of late. Call `report` first. A
   * request that was never sent draws on no budget: it cost no instance any work.
   *
   * @param answered the instance gave an answer: it is not asked the same again
   */
  again(neverSent: boolean, answered = false): boolean {
    const { route, budget } = this.rules
    if (!this.mayRepeat(neverSent)) return false
    // One address only: it refuses, or it has answered.
    if (route === undefined) return !neverSent && !answered && budget.withdraw()
    if (this.endpoint !== undefined) (this.tried ??= new Set()).add(this.endpoint.instance)
    // All have been tried: a request whose connection broke may go back to one of them.
    const next = this.pick(this.tried) ?? (neverSent || answered ? undefined : this.pick(undefined))
    if (next === undefined) return false
    if (neverSent || budget.withdraw()) return this.take(next)
    route.done(next, 'aborted')
    return false
  }

  /**
   * One that was never sent is safe to repeat elsewhere, whatever its body is: nothing of it was read. One that may have
   * arrived is repeated only where a second arrival does no harm.
   */
  private mayRepeat(neverSent: boolean): boolean {
    if (neverSent) return this.count - this.sent < MAX_CONNECTION_ATTEMPTS
    return this.replayable && this.sent <= this.rules.retry
  }

  /** Only a request that could be sent again tries an instance that was ejected. */
  private get isRepeatable(): boolean {
    return this.replayable && this.rules.retry > 0
  }

  private pick(exclude: ReadonlySet<ServiceInstance> | undefined): Endpoint | undefined {
    return this.rules.route!.pick(this.hint(exclude), this.isRepeatable)
  }

  private hint(exclude: ReadonlySet<ServiceInstance> | undefined): PickHint | undefined {
    const { hashKey, version } = this
    const plain = exclude === undefined && hashKey === undefined && version === undefined
    return plain ? undefined : { exclude, hashKey, version }
  }

  private take(endpoint: Endpoint | undefined): boolean {
    if (endpoint === undefined) return false
    this.endpoint = endpoint
    this.unreported = true
    return true
  }

  private publish(outcome: Outcome, status: number, error: unknown): void {
    const { instance, count } = this
    this.trace?.attempt({ number: count, instance, outcome, status, code: codeOrNameOf(error) })
    if (callAttempts.active)
      callAttempts.publish({
        ...{ service: this.rules.route?.service, instance },
        ...{ method: this.method.toUpperCase(), path: shownPath(this.path), status: status || undefined },
        ...{ outcome, attempt: count, ms: performance.now() - this.beganAt },
      })
    this.beganAt = 0
  }
}
