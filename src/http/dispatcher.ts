import { Agent, DecoratorHandler, Dispatcher } from 'undici'
import type { Endpoint, Outcome } from '../balance/balancer.js'
import { currentContext } from '../context.js'
import { SidecarError } from '../errors.js'
import { withContext } from '../feign/forward.js'
import { outcomeOfAbort } from '../feign/retry.js'
import { originOf, type Pools } from '../feign/pools.js'
import type { FeignRuntime, RoutedTarget } from '../feign/runtime.js'
import { Attempts } from './attempts.js'
import { readLogicalUrl } from './logical-name.js'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

/**
 * An undici dispatcher that knows logical names: `http://user-service/…` goes to an instance, with the caller's token
 * and trace; every other origin goes where it says. URLs are lower-cased before they come here, and so are the names:
 * see `calling`.
 */
export class SidecarDispatcher extends Dispatcher {
  /** Everything that is no logical name. */
  private readonly outside: Agent
  /** As it is registered, where the URL in hand would not tell. */
  private readonly service: string | undefined

  /** @param connections to one origin that is no logical name; any number where it is left out */
  constructor(
    private readonly runtime: () => FeignRuntime,
    connections?: number,
  ) {
    super()
    this.outside = new Agent({ connections: connections ?? null })
  }

  /** The same for one request to a service with capitals in its name. */
  calling(service: string): Dispatcher {
    return Object.create(this, { service: { value: service } }) as Dispatcher
  }

  override dispatch(options: Options, handler: Handler): boolean {
    const logical = readLogicalUrl(String(options.origin ?? ''))
    if (logical === undefined) return this.outside.dispatch(options, handler)
    try {
      const runtime = this.runtime()
      const target = runtime.target(this.service ?? logical.service)
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
  private readonly pools: Pools
  private readonly attempts: Attempts
  private endpoint: Endpoint | undefined
  /** The present attempt is on a socket. */
  private onSocket = false
  private status = 0

  constructor(
    runtime: FeignRuntime,
    routed: RoutedTarget,
    private readonly secure: boolean,
    private readonly options: Options,
    private readonly target: Handler,
    version: string | undefined,
  ) {
    this.relay = new DecoratorHandler(target)
    this.pools = runtime.pools(routed.connectTimeoutMs)
    this.attempts = new Attempts(runtime, routed, options.method, version)
  }

  start(): void {
    const { attempts } = this
    const endpoint = attempts.pick()
    if (endpoint) return this.sendTo(endpoint)
    attempts.route.refresh().then(
      (snapshot) => {
        const found = attempts.pick()
        if (found) this.sendTo(found)
        else refuse(this.target, new SidecarError('SIDECAR_NO_INSTANCE', attempts.route.nobody(snapshot)))
      },
      (error: unknown) => refuse(this.target, error),
    )
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.onSocket = true
    this.attempts.wasSent()
    this.relay.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.done('ok')
    this.relay.onRequestUpgrade?.(...args)
  }

  onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    this.status = args[1]
    if (this.endpoint) this.attempts.heard(this.endpoint, args[2])
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
    // What the caller has seen the beginning of cannot begin again.
    const repeatable = neverSent || (this.status === 0 && isReplayable(this.options.body))
    const next = !controller?.aborted && repeatable ? this.attempts.again(neverSent) : undefined
    if (next) this.sendTo(next)
    else this.relay.onResponseError?.(controller, error)
  }

  private sendTo(endpoint: Endpoint): void {
    this.endpoint = endpoint
    this.onSocket = false
    this.attempts.begin(endpoint)
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
    if (this.endpoint !== undefined) this.attempts.route.done(this.endpoint, outcome)
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
