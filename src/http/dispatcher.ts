import { Agent, DecoratorHandler, Dispatcher } from 'undici'
import type { Endpoint, Outcome } from '../balance/balancer.js'
import type { ServiceRoute } from '../balance/routes.js'
import { currentContext } from '../context.js'
import { noInstanceMessage } from '../discovery/no-instance.js'
import { SidecarError } from '../errors.js'
import { withContext } from '../feign/forward.js'
import { mayRetry } from '../feign/retry.js'
import { CONNECT_TIMEOUT_MS, type FeignRuntime } from '../feign/runtime.js'
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
      const context = currentContext()
      const sent = context ? { ...options, headers: [...withContext(flat(options.headers), context)] } : options
      new LogicalCall(runtime, runtime.routes.to(logical.service), sent, handler).attempt()
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

/** One request to a logical name: goes to the next instance where no connection came about. */
class LogicalCall implements Handler {
  /** undici's own wrapper speaks to handlers of both generations. */
  private readonly relay: Handler
  private readonly tried = new Set<ServiceInstance>()
  private endpoint: Endpoint | undefined
  private sent = 0
  private attempts = 0
  private failed = false

  constructor(
    private readonly runtime: FeignRuntime,
    private readonly route: ServiceRoute,
    private readonly options: Options,
    private readonly target: Handler,
  ) {
    this.relay = new DecoratorHandler(target)
  }

  attempt(): void {
    const endpoint = this.pick()
    if (endpoint) return this.sendTo(endpoint)
    this.route.refresh().then(
      (snapshot) => {
        const found = this.pick()
        if (found) this.sendTo(found)
        else refuse(this.target, new SidecarError('SIDECAR_NO_INSTANCE', noInstanceMessage(snapshot)))
      },
      (error: unknown) => refuse(this.target, error),
    )
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.sent++
    this.relay.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.done('ok')
    this.relay.onRequestUpgrade?.(...args)
  }

  onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    this.failed = args[1] >= 500
    this.relay.onResponseStart?.(...args)
  }

  onResponseEnd(...args: Parameters<NonNullable<Handler['onResponseEnd']>>): void {
    this.done(this.failed ? 'failed' : 'ok')
    this.relay.onResponseEnd?.(...args)
  }

  onResponseData(...args: Parameters<NonNullable<Handler['onResponseData']>>): void {
    this.relay.onResponseData?.(...args)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    const neverSent = this.sent === 0
    this.done(neverSent ? 'never-connected' : 'failed')
    const rules = { idempotent: false, retry: 0 }
    if (neverSent && mayRetry(rules, { neverSent, attempts: this.attempts, sent: 0 })) {
      const next = this.pick()
      if (next) return this.sendTo(next)
    }
    this.relay.onResponseError?.(controller, error)
  }

  private pick(): Endpoint | undefined {
    return this.route.balancer()?.pick({ exclude: this.tried })
  }

  private sendTo(endpoint: Endpoint): void {
    this.endpoint = endpoint
    this.tried.add(endpoint.instance)
    this.attempts++
    const { origin: _, ...options } = this.options
    try {
      this.runtime.pools(CONNECT_TIMEOUT_MS).of(endpoint.instance).dispatch(options, this)
    } catch (error) {
      this.done('aborted')
      refuse(this.target, error)
    }
  }

  private done(outcome: Outcome): void {
    this.endpoint?.done(outcome)
    this.endpoint = undefined
  }
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
