import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, Pool } from 'undici'
import type { Outcome } from '../balance/balancer.js'
import { Attempts } from '../calls/attempts.js'
import { callFigures } from '../calls/call-figure.js'
import { ConnectionHolder } from '../calls/connection-holder.js'
import type { Pools } from '../calls/pools.js'
import { bytesMayFollow, hasNoBody } from '../calls/response-head.js'
import { outcomeOfAbort, retriesOf } from '../calls/retry.js'
import type { CallRuntime } from '../calls/runtime.js'
import type { RoutedTarget } from '../calls/target.js'
import type { RequestContext } from '../context.js'
import { DRAIN_HEADER } from '../drain-header.js'
import { SidecarError } from '../errors.js'
import { originOf } from '../instance.js'
import { failRequest, relayTo } from './relay.js'
import { withContext } from './with-context.js'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

/** One request to a logical name, with the attempts it may take before the first byte of a response. */
export class LogicalCall extends ConnectionHolder implements Handler {
  private readonly attempts: Attempts
  private readonly relay: Handler
  private readonly pools: Pools
  private readonly options: Options
  /** The present attempt is on a socket. */
  private onSocket = false
  /** Of the response whose head the caller has. */
  private status = 0
  /** The caller has the whole response: later events of undici are ignored. */
  private complete = false

  constructor(
    runtime: CallRuntime,
    private readonly target: RoutedTarget,
    private readonly secure: boolean,
    options: Options,
    handler: Handler,
    context: RequestContext | undefined,
  ) {
    super()
    const { route, retry } = target
    const { method, path, body } = options
    const rules = { route, retry: retriesOf(method, retry), budget: runtime.budget(route.service) }
    this.attempts = new Attempts(rules, method, path, callFigures(runtime.recorder, method, route.service))
    this.attempts.version = context?.version
    this.attempts.traceparent = context?.traceparent
    this.attempts.replayable = isReplayable(body)
    this.relay = relayTo(handler)
    this.pools = runtime.pools(target)
    this.attempts.openTrace()
    this.options = withContext(options, context, runtime.settings.sidecar.versionHeader, this.attempts.trace)
  }

  start(): void {
    try {
      if (this.attempts.choose()) return this.send()
    } catch (error) {
      return this.fail(error)
    }
    this.attempts.awaitChoice().then(
      () => this.send(),
      (error: unknown) => this.fail(error),
    )
  }

  private send(): void {
    const { instance } = this.attempts.endpoint!
    try {
      const connections = this.secure ? this.pools.at(originOf(instance, true)) : this.pools.of(instance)
      this.attempts.begin()
      this.sendOver(connections)
    } catch (error) {
      this.endAttempt('aborted') // the sidecar has stopped meanwhile
      this.fail(error)
    }
  }

  protected dispatch(pool: Pool): void {
    this.onSocket = false
    const { origin: _, ...options } = this.options
    const { trace } = this.attempts
    try {
      if (trace === undefined) pool.dispatch(options, this)
      else trace.send(() => pool.dispatch(options, this))
    } catch (error) {
      this.endAttempt('aborted')
      this.fail(error)
    }
  }

  onNoConnection(why: string): void {
    this.endAttempt('aborted')
    if (this.attempts.again(true)) return this.send()
    const { service } = this.target.route
    this.fail(new SidecarError('SIDECAR_CALL_TIMEOUT', `No call to ${service}: ${why}`))
  }

  /** Before undici has the request. */
  private fail(error: unknown): void {
    this.attempts.end(0, error)
    failRequest(this.relay, error)
  }

  private endAttempt(outcome: Outcome, error?: unknown): void {
    this.release()
    this.attempts.report(outcome, this.status, error)
  }

  // --- undici, in the order in which it calls ---

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.onSocket = true
    this.attempts.sent++
    this.relay.onRequestStart?.(controller, context)
  }

  onResponseStarted(): void {
    ;(this.relay as { onResponseStarted?(): void }).onResponseStarted?.()
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.release(true)
    this.attempts.report('ok')
    this.attempts.end(101)
    this.relay.onRequestUpgrade?.(...args)
  }

  onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    const [controller, status, headers] = args
    if (status < 200) return this.relay.onResponseStart?.(...args)
    this.status = status
    const drain = headers[DRAIN_HEADER]
    if (typeof drain === 'string') this.attempts.onDrainHeader(drain)
    if (isEventStream(headers['content-type'])) this.release(true)
    this.attempts.trace?.onResponse()
    this.relay.onResponseStart?.(...args)
    if (!hasNoBody(status)) return
    this.finish(controller, {})
    this.complete = true
    const { 'content-length': length, 'transfer-encoding': coding } = headers
    if (bytesMayFollow(status, length, coding !== undefined)) controller.abort(new Error(`a ${status} has no body`))
  }

  onResponseData(...args: Parameters<NonNullable<Handler['onResponseData']>>): void {
    if (!this.complete) this.relay.onResponseData?.(...args)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (!this.complete) this.finish(controller, trailers)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (this.complete) return
    const neverSent = !this.onSocket
    this.endAttempt(controller?.aborted ? outcomeOfAbort(error) : neverSent ? 'never-connected' : 'failed', error)
    // What the caller has seen the beginning of cannot begin again.
    if (!controller?.aborted && this.status === 0 && this.attempts.again(neverSent)) return this.send()
    this.attempts.end(this.status, error)
    this.relay.onResponseError?.(controller, error)
  }

  private finish(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.endAttempt(this.status >= 500 ? 'failed' : 'ok')
    this.attempts.end(this.status)
    this.relay.onResponseEnd?.(controller, trailers)
  }
}

function isEventStream(contentType: unknown): boolean {
  return typeof contentType === 'string' && /^\s*text\/event-stream\b/i.test(contentType)
}

/** A stream that has been read cannot be sent again. */
function isReplayable(body: Options['body']): boolean {
  return body === null || body === undefined || typeof body === 'string' || body instanceof Uint8Array
}
