import { Agent, DecoratorHandler, Dispatcher } from 'undici'
import type { Endpoint, Outcome } from '../balance/balancer.js'
import type { ServiceRoute } from '../balance/service-route.js'
import { currentContext } from '../context.js'
import { SidecarError } from '../errors.js'
import { withContext } from '../feign/forward.js'
import { mayRetry, outcomeOfAbort, rulesFor, type RetryRules } from '../feign/retry.js'
import { originOf, type Pools } from '../feign/pools.js'
import type { RetryBudget } from '../feign/retry-budget.js'
import type { FeignRuntime, RoutedTarget } from '../feign/runtime.js'
import type { ServiceInstance } from '../types.js'
import { readLogicalUrl } from './logical-name.js'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

/**
 * An undici dispatcher that knows logical names: `http://user-service/…` goes to an instance, with the caller's token
 * and trace; every other origin goes where it says. URLs are lower-cased before they come here, and so are the names.
 */
export class SidecarDispatcher extends Dispatcher {
  /** Everything that is no logical name. */
  private readonly outside = new Agent()

  constructor(private readonly runtime: () => FeignRuntime) {
    super()
  }

  override dispatch(options: Options, handler: Handler): boolean {
    const logical = readLogicalUrl(String(options.origin ?? ''))
    if (logical === undefined) return this.outside.dispatch(options, handler)
    try {
      const runtime = this.runtime()
      const target = runtime.target(logical.service)
      const { url } = target
      const context = url === undefined || target.forwards ? currentContext() : undefined
      const { versionHeader } = runtime.settings.sidecar
      const headers = context && [...withContext(flat(options.headers), context, versionHeader)]
      const own = headers ? { ...options, headers } : options
      if (url !== undefined) {
        return this.outside.dispatch({ ...own, origin: url.origin, path: url.path + options.path }, handler)
      }
      new LogicalCall(runtime, target, logical.secure, own, handler, context?.version).start()
    } catch (error) {
      refuse(handler, error)
    }
    return true
  }

  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | void {
    return callback ? this.outside.close(callback) : this.outside.close()
  }

  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> {
    const done = typeof error === 'function' ? error : callback
    return this.outside.destroy(typeof error === 'function' ? null : (error ?? null)).then(() => done?.())
  }
}

/** One request to a logical name, with the attempts it may take before the first byte of an answer. */
class LogicalCall implements Handler {
  /** undici's own wrapper speaks to handlers of both generations. */
  private readonly relay: Handler
  private readonly rules: RetryRules
  private readonly route: ServiceRoute
  private readonly pools: Pools
  private readonly budget: RetryBudget
  private readonly tried = new Set<ServiceInstance>()
  private endpoint: Endpoint | undefined
  /** The present attempt is on a socket. */
  private onSocket = false
  private sent = 0
  private attempts = 0
  private status = 0

  constructor(
    runtime: FeignRuntime,
    { route, retry, connectTimeoutMs }: RoutedTarget,
    private readonly secure: boolean,
    private readonly options: Options,
    private readonly target: Handler,
    private readonly version: string | undefined,
  ) {
    this.relay = new DecoratorHandler(target)
    this.rules = rulesFor(options.method, retry)
    this.route = route
    this.pools = runtime.pools(connectTimeoutMs)
    this.budget = runtime.budget(route.service)
  }

  start(): void {
    this.budget.deposit()
    const endpoint = this.pick()
    if (endpoint) return this.sendTo(endpoint)
    this.route.refresh().then(
      (snapshot) => {
        const found = this.pick()
        if (found) this.sendTo(found)
        else refuse(this.target, new SidecarError('SIDECAR_NO_INSTANCE', this.route.nobody(snapshot)))
      },
      (error: unknown) => refuse(this.target, error),
    )
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.onSocket = true
    this.sent++
    this.relay.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.done('ok')
    this.relay.onRequestUpgrade?.(...args)
  }

  onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    this.status = args[1]
    this.relay.onResponseStart?.(...args)
  }

  onResponseEnd(...args: Parameters<NonNullable<Handler['onResponseEnd']>>): void {
    this.done(this.status >= 500 ? 'failed' : 'ok')
    this.relay.onResponseEnd?.(...args)
  }

  onResponseData(...args: Parameters<NonNullable<Handler['onResponseData']>>): void {
    this.relay.onResponseData?.(...args)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    const neverSent = !this.onSocket
    this.done(controller?.aborted ? outcomeOfAbort(error) : neverSent ? 'never-connected' : 'failed')
    const next = !controller?.aborted && this.mayRepeat(neverSent) ? this.another(neverSent) : undefined
    if (next) this.sendTo(next)
    else this.relay.onResponseError?.(controller, error)
  }

  private mayRepeat(neverSent: boolean): boolean {
    const { attempts, sent, status } = this
    if (!mayRetry(this.rules, { neverSent, attempts, sent })) return false
    // What the caller has seen the beginning of cannot begin again.
    return neverSent || (status === 0 && isReplayable(this.options.body) && this.budget.withdraw())
  }

  private pick(): Endpoint | undefined {
    return this.route.pick({ exclude: this.tried, version: this.version }, this.rules.idempotent)
  }

  /** Everybody has been tried: an idempotent call whose connection broke may go back to one of them. */
  private another(neverSent: boolean): Endpoint | undefined {
    return this.pick() ?? (neverSent ? undefined : this.route.pick({ version: this.version }, this.rules.idempotent))
  }

  private sendTo(endpoint: Endpoint): void {
    this.endpoint = endpoint
    this.onSocket = false
    this.tried.add(endpoint.instance)
    this.attempts++
    const { origin: _, ...options } = this.options
    try {
      const { instance } = endpoint
      const pool = this.secure ? this.pools.at(originOf(instance, true)) : this.pools.of(instance)
      pool.dispatch(options, this)
    } catch (error) {
      this.done('aborted')
      refuse(this.target, error)
    }
  }

  private done(outcome: Outcome): void {
    if (this.endpoint !== undefined) this.route.done(this.endpoint, outcome)
    this.endpoint = undefined
  }
}

/** A stream that has been read cannot be sent again. */
function isReplayable(body: Options['body']): boolean {
  return body === null || body === undefined || typeof body === 'string' || body instanceof Uint8Array
}

function refuse(handler: Handler, error: unknown): void {
  const failure = error instanceof Error ? error : new Error(String(error))
  const controller = { aborted: true, paused: false, reason: failure, abort() {}, pause() {}, resume() {} }
  const relay: Handler = new DecoratorHandler(handler)
  relay.onResponseError?.(controller, failure)
}

/** undici takes headers in many shapes; this makes names and values by turns of them. */
function flat(headers: Options['headers']): string[] {
  if (headers === null || headers === undefined) return []
  if (Array.isArray(headers))
    return headers.map((item, index) => (index % 2 === 0 ? String(item).toLowerCase() : item)) as string[]
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  return pairs.flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((item) => [name.toLowerCase(), String(item)]),
  )
}
