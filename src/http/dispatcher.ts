import type { IncomingHttpHeaders } from 'node:http'
import type { Pool } from 'undici'
import Agent from 'undici/lib/dispatcher/agent.js'
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import type { Endpoint } from '../balance/balancer.js'
import { currentContext } from '../context.js'
import { SidecarError } from '../errors.js'
import { addContextHeaders } from '../calls/propagation.js'
import { PooledAttempts } from '../calls/pooled-attempts.js'
import { originOf, type Pools } from '../calls/pools.js'
import { hasNoBody, outcomeOfAbort, retriesOf } from '../calls/retry.js'
import type { CallRuntime } from '../calls/runtime.js'
import type { RoutedTarget } from '../calls/target.js'
import { DRAIN_HEADER } from '../drain-header.js'
import { readLogicalUrl } from './logical-name.js'
import { relayTo } from './relay.js'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

/**
 * An undici dispatcher that knows logical names: `http://user-service/…` goes to an instance, with the caller's token
 * and trace; every other origin is used as it is. URLs are lower-cased before they come here, and so are the names:
 * see `calling`.
 */
export class SidecarDispatcher extends Dispatcher {
  /** Everything that is no logical name. */
  private readonly outside: Agent
  /** The registered name, if the URL does not preserve it. */
  private readonly service: string | undefined

  /** @param connections to one origin that is no logical name; any number where it is left out */
  constructor(
    private readonly runtime: () => CallRuntime,
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
      const headers = context && [...addContextHeaders(flat(options.headers), context, versionHeader)]
      const own = headers ? { ...options, headers } : options
      if (url !== undefined) {
        return this.outside.dispatch({ ...own, origin: url.origin, path: url.path + options.path }, handler)
      }
      new LogicalCall(runtime, target, logical.secure, own, handler, context?.version).start()
    } catch (error) {
      failRequest(relayTo(handler), error)
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
class LogicalCall extends PooledAttempts implements Handler {
  private readonly relay: Handler
  private readonly pools: Pools
  /** The present attempt is on a socket. */
  private onSocket = false
  /** Of the answer whose head the caller has. */
  private status = 0
  /** The caller has the whole answer: later events of undici are ignored. */
  private complete = false

  constructor(
    runtime: CallRuntime,
    target: RoutedTarget,
    private readonly secure: boolean,
    private readonly options: Options,
    handler: Handler,
    version: string | undefined,
  ) {
    const { route, retry } = target
    const { method, body } = options
    super({ route, retry: retriesOf(method, retry), budget: runtime.budget(route.service) })
    this.relay = relayTo(handler)
    this.pools = runtime.pools(target)
    this.version = version
    this.replayable = isReplayable(body)
  }

  protected describe() {
    const { method, path } = this.options
    return { method, path, status: this.status }
  }

  start(): void {
    this.rules.budget.deposit()
    const endpoint = this.pick()
    if (endpoint) return this.goTo(endpoint)
    this.awaitInstance().then(
      (found) => this.goTo(found),
      (error: unknown) => failRequest(this.relay, error),
    )
  }

  protected dispatch(pool: Pool): void {
    this.onSocket = false
    const { origin: _, ...options } = this.options
    try {
      pool.dispatch(options, this)
    } catch (error) {
      this.end('aborted')
      failRequest(this.relay, error)
    }
  }

  onNoConnection(why: string): void {
    this.end('aborted')
    const next = this.next(true)
    if (next) this.goTo(next)
    else
      failRequest(
        this.relay,
        new SidecarError('SIDECAR_CALL_TIMEOUT', `No call to ${this.rules.route!.service}: ${why}`),
      )
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.onSocket = true
    this.sent++
    this.relay.onRequestStart?.(controller, context)
  }

  onResponseStarted(): void {
    ;(this.relay as { onResponseStarted?(): void }).onResponseStarted?.()
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.release(true)
    this.report('ok')
    this.relay.onRequestUpgrade?.(...args)
  }

  onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    const [controller, status, headers] = args
    if (status < 200) return this.relay.onResponseStart?.(...args)
    this.status = status
    const mark = headers[DRAIN_HEADER]
    if (typeof mark === 'string') this.onDrainHeader(mark)
    if (isEventStream(headers['content-type'])) this.release(true)
    this.relay.onResponseStart?.(...args)
    if (!hasNoBody(status)) return
    this.finish(controller, {})
    this.complete = true
    if (bytesMayFollow(status, headers)) controller.abort(new Error(`a ${status} has no body`))
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (!this.complete) this.finish(controller, trailers)
  }

  onResponseData(...args: Parameters<NonNullable<Handler['onResponseData']>>): void {
    if (!this.complete) this.relay.onResponseData?.(...args)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (this.complete) return
    const neverSent = !this.onSocket
    this.end(controller?.aborted ? outcomeOfAbort(error) : neverSent ? 'never-connected' : 'failed')
    // What the caller has seen the beginning of cannot begin again.
    const next = !controller?.aborted && this.status === 0 ? this.next(neverSent) : undefined
    if (next) this.goTo(next)
    else this.relay.onResponseError?.(controller, error)
  }

  private goTo(endpoint: Endpoint): void {
    const { instance } = endpoint
    try {
      this.sendTo(endpoint, this.secure ? this.pools.at(originOf(instance, true)) : this.pools.of(instance))
    } catch (error) {
      this.rules.route!.done(endpoint, 'aborted')
      failRequest(this.relay, error)
    }
  }

  private finish(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.end(this.status >= 500 ? 'failed' : 'ok')
    this.relay.onResponseEnd?.(controller, trailers)
  }
}

/** After an answer without a body: whether bytes may follow all the same. */
function bytesMayFollow(status: number, headers: IncomingHttpHeaders): boolean {
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length === undefined ? status === 205 : Number(length) !== 0)
}

function isEventStream(contentType: unknown): boolean {
  return typeof contentType === 'string' && /^\s*text\/event-stream\b/i.test(contentType)
}

/** A stream that has been read cannot be sent again. */
function isReplayable(body: Options['body']): boolean {
  return body === null || body === undefined || typeof body === 'string' || body instanceof Uint8Array
}

function failRequest(relay: Handler, error: unknown): void {
  const failure = error instanceof Error ? error : new Error(String(error))
  const controller = { aborted: true, paused: false, reason: failure, abort() {}, pause() {}, resume() {} }
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
