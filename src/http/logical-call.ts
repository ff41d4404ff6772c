import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, Pool } from 'undici'
import type { Outcome } from '../balance/balancer.js'
import { Attempts } from '../calls/attempts.js'
import { callFigures } from '../calls/call-figure.js'
import { ConnectionHolder } from '../calls/connection-holder.js'
import type { Connections } from '../calls/connections.js'
import type { Pools } from '../calls/pools.js'
import { bytesMayFollow, hasNoBody } from '../calls/response-head.js'
import { isRetryableStatus, outcomeOfAbort, retriesOf } from '../calls/retry.js'
import type { CallRuntime } from '../calls/runtime.js'
import type { Target } from '../calls/target.js'
import type { RequestContext } from '../context.js'
import { DRAIN_HEADER } from '../drain-header.js'
import { SidecarError } from '../errors.js'
import { isSecure, originOf } from '../instance.js'
import type { ServiceInstance } from '../types.js'
import { failRequest, relayTo } from './relay.js'
import { withContext, withoutHostOf } from './with-context.js'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

/** What is not the same for each use of a logical name. */
export interface LogicalCallOptions {
  /** Of a target with a fixed URL, which has no route to name it by. */
  readonly service?: string
  /** A status by which a server shows that it did not do the work is no response, where another instance may be asked. */
  readonly retryStatuses?: boolean
}

/** One request to a logical name, with the attempts it may take before the first byte of a response. */
export class LogicalCall extends ConnectionHolder implements Handler {
  private readonly attempts: Attempts
  private readonly relay: Handler
  private readonly pools: Pools
  private options: Options
  /** The present attempt is on a socket. */
  private onSocket = false
  /** Of the response whose head the caller has. */
  private status = 0
  /** The caller has the whole response: later events of undici are ignored. */
  private complete = false
  /** A response is let go, in favour of another instance's. */
  private lettingGo = false
  private readonly service: string

  constructor(
    runtime: CallRuntime,
    private readonly target: Target,
    private readonly secure: boolean,
    options: Options,
    handler: Handler,
    context: RequestContext | undefined,
    private readonly more: LogicalCallOptions = {},
  ) {
    super()
    const { route, url, retry } = target
    const { method, path, body } = options
    this.service = route?.service ?? more.service ?? url!.origin
    const rules = { route, retry: retriesOf(method, retry), budget: runtime.budget(this.service) }
    const figures = callFigures(runtime.recorder, method, this.service, { origin: url?.origin })
    this.attempts = new Attempts(rules, method, path, figures)
    this.attempts.version = context?.version
    this.attempts.traceparent = context?.traceparent
    this.attempts.replayable = isReplayable(body)
    this.relay = relayTo(handler)
    this.pools = runtime.pools(target)
    this.attempts.openTrace()
    this.options = withContext(options, context, runtime.settings.sidecar.versionHeader, this.attempts.trace)
  }

  /** `host:port` that the present attempt goes to. */
  get instance(): string | undefined {
    return this.attempts.instance
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
    try {
      const connections = this.connectionsTo(this.attempts.endpoint?.instance)
      this.attempts.begin()
      this.sendOver(connections)
    } catch (error) {
      this.endAttempt('aborted') // the sidecar has stopped meanwhile
      this.fail(error)
    }
  }

  private connectionsTo(instance: ServiceInstance | undefined): Connections {
    if (instance === undefined) return this.pools.at(this.target.url!.origin)
    if (this.secure || isSecure(instance)) this.options = withoutHostOf(this.service, this.options)
    return this.secure ? this.pools.at(originOf(instance, true)) : this.pools.of(instance)
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
    this.fail(new SidecarError('SIDECAR_CALL_TIMEOUT', `No call to ${this.service}: ${why}`))
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
    this.relay.onRequestStart?.(controller, { ...(context as object), instance: this.attempts.endpoint?.instance })
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
    if (this.more.retryStatuses && isRetryableStatus(status) && this.goElsewhere(controller)) return
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
    if (this.complete || this.lettingGo) return
    const neverSent = !this.onSocket
    this.endAttempt(controller?.aborted ? outcomeOfAbort(error) : neverSent ? 'never-connected' : 'failed', error)
    // What the caller has seen the beginning of cannot begin again.
    if (!controller?.aborted && this.status === 0 && this.attempts.again(neverSent)) return this.send()
    this.attempts.end(this.status, error)
    this.relay.onResponseError?.(controller, error)
  }

  /** @returns false where no other instance may be asked: then the status is the caller's to see */
  private goElsewhere(controller: Dispatcher.DispatchController): boolean {
    this.attempts.report('failed', this.status)
    if (!this.attempts.again(false, true)) return false
    this.release()
    this.status = 0
    this.lettingGo = true
    // Its rest is not needed, and may be long.
    controller.abort(new Error('another instance is asked'))
    this.lettingGo = false
    this.send()
    return true
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
