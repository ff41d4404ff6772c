import { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { Outcome } from '../balance/balancer.js'
import { Attempts } from '../calls/attempts.js'
import type { CallFigures } from '../calls/call-figure.js'
import { headerValue } from '../calls/flat-headers.js'
import { isRetryableStatus, outcomeOfAbort } from '../calls/retry.js'
import { currentContext } from '../context.js'
import { messageOf, reasonOf, SidecarError, type SidecarErrorCode } from '../errors.js'
import { offAbort, onAbort } from '../util/abort-listeners.js'
import type { BoundCall } from './bind.js'
import { encodeBody, type EncodedBody } from './body.js'
import { Deadline, onDeadline, type Limited } from './deadline.js'
import { aborted, callFailed, FeignError, timedOut } from './errors.js'
import { Exchange, IdleTimeout } from './exchange.js'
import type { FeignResponse } from './interceptor.js'
import type { CompiledMethod } from './method.js'
import { requestHeaders } from './request-headers.js'
import { readBody, type Answer } from './response.js'

/**
 * One call: its body, its time limits, and the exchanges it takes, as `attempts` has it. One object, one promise, and
 * the attempts.
 */
export class Call extends Exchange<CompiledMethod> implements Answer, Limited {
  readonly attempts: Attempts
  private resolve!: (value: unknown) => void
  private reject!: (error: unknown) => void
  /** Of the whole call: a place in the method's queue, or a timer for a limit of its own. */
  private deadline: Deadline | NodeJS.Timeout | undefined
  private options: Dispatcher.DispatchOptions | undefined
  private encoded: EncodedBody | undefined
  /** The caller's own stream failed: no fault of the instance. */
  private bodyFailed = false

  constructor(
    method: CompiledMethod,
    readonly bound: BoundCall,
    /** Makes the call's value of its response, or throws. */
    private readonly finish: (answer: Answer) => unknown,
    /** Absent where the figures are written elsewhere. */
    figures?: CallFigures,
  ) {
    super(method)
    this.attempts = new Attempts(method, method.verb, bound.path, figures)
  }

  start(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
      try {
        this.prepare()
      } catch (error) {
        this.settle('aborted')
        const failure = error instanceof FeignError ? error : this.asCallError(error)
        this.attempts.end(0, failure)
        reject(failure)
      }
    })
  }

  private prepare(): void {
    const { method, bound } = this
    const { signal } = bound
    const { timeoutMs } = this
    if (signal !== undefined) {
      if (signal.aborted) throw aborted(this, signal.reason)
      onAbort(signal, this)
    }
    if (bound.timeoutMs === undefined && method.deadlines !== undefined)
      method.deadlines.start((this.deadline = new Deadline(this)))
    else if (timeoutMs < Infinity) this.deadline = setTimeout(onDeadline, timeoutMs, this).unref()
    const encoded = this.encodeBody()
    const context = method.forwards ? currentContext() : undefined
    this.attempts.openTrace()
    const headers = requestHeaders(method, bound.headers, encoded, context, this.attempts.trace)
    this.attempts.version = context?.version
    this.attempts.traceparent = context?.traceparent
    if (method.hashKey !== undefined) this.attempts.hashKey = method.hashKey(bound.path, headers)
    this.options = {
      path: bound.path,
      method: method.verb,
      headers: headers as string[],
      body: (encoded?.body ?? null) as Dispatcher.DispatchOptions['body'],
      headersTimeout: 0,
      bodyTimeout: 0,
    }
    if (this.attempts.choose()) this.send()
    else this.sendLater()
  }

  private encodeBody(): EncodedBody | undefined {
    const { body, headers } = this.bound
    if (body === undefined) return undefined
    const encoded = encodeBody(body, headerValue(headers, 'content-type'), this.method.json)
    this.attempts.replayable = !encoded.oneShot
    if (encoded.body instanceof Readable) this.watchBody(encoded.body)
    return (this.encoded = encoded)
  }

  private watchBody(body: Readable): void {
    body.once('error', () => (this.bodyFailed = true))
  }

  // --- attempts ---

  private sendLater(): void {
    this.attempts.awaitChoice().then(
      () => (this.settled ? this.attempts.report('aborted') : this.send()),
      (error: unknown) => this.giveUp(this.asCallError(error)),
    )
  }

  /** To where `attempts` says. */
  private send(): void {
    const { pools, origin } = this.method
    const { endpoint } = this.attempts
    try {
      const connections = endpoint === undefined ? pools.at(origin!) : pools.of(endpoint.instance)
      this.attempts.begin()
      this.startIdleTimer(this.timeoutMs)
      this.sendOver(connections)
    } catch (error) {
      this.giveUp(this.asCallError(error), 'aborted') // the sidecar has stopped meanwhile
    }
  }

  protected dispatch(pool: Pool): void {
    this.abort = undefined
    if (this.attempts.sent > 0 && this.encoded?.again !== undefined) {
      // The one before has been read in part.
      const body = this.encoded.again()
      this.watchBody(body)
      this.options!.body = body
    }
    const { trace } = this.attempts
    if (trace === undefined) pool.dispatch(this.options!, this)
    else trace.send(() => pool.dispatch(this.options!, this))
  }

  /** @returns false where the call may not be repeated */
  private sendAgain(neverSent: boolean, answered = false): boolean {
    try {
      if (!this.attempts.again(neverSent, answered)) return false
      this.clear()
      this.send()
    } catch (error) {
      this.giveUp(this.asCallError(error), 'aborted') // a filter threw; undici must not see a throw
    }
    return true
  }

  protected onSent(): void {
    this.attempts.sent++
  }

  protected onDrainHeader(value: string): void {
    this.attempts.onDrainHeader(value)
  }

  protected onWhole(): void {
    if (isRetryableStatus(this.status)) {
      this.endAttempt('failed')
      if (this.sendAgain(false, true)) return
    }
    if (!this.isCompressed) return this.complete()
    this.decompress().then(
      () => this.settled || this.complete(),
      (error: unknown) => this.onUnreadable(messageOf(error)),
    )
  }

  protected onBroken(error: Error, neverSent: boolean): void {
    if ((error as { code?: string }).code === 'UND_ERR_INVALID_ARG')
      return this.giveUp(this.fail('SIDECAR_CALL_INVALID', error.message, undefined, error), 'aborted')
    if (this.bodyFailed) {
      const why = `its body broke: ${reasonOf(error)}`
      return this.giveUp(this.fail('SIDECAR_CALL_FAILED', why, undefined, error), 'aborted')
    }
    this.endAttempt(neverSent ? 'never-connected' : 'failed', error)
    if (this.sendAgain(neverSent)) return
    if (error instanceof IdleTimeout) return this.giveUp(this.fail('SIDECAR_CALL_TIMEOUT', error.message))
    const why = neverSent ? `no connection: ${reasonOf(error)}` : reasonOf(error)
    this.giveUp(this.fail('SIDECAR_CALL_FAILED', why, undefined, error))
  }

  onNoConnection(why: string): void {
    this.endAttempt('aborted')
    if (!this.sendAgain(true)) this.giveUp(this.fail('SIDECAR_CALL_TIMEOUT', why))
  }

  protected onIdleUnsent(why: string): void {
    this.onNoConnection(why)
  }

  protected onUnreadable(why: string): void {
    this.giveUp(this.fail('SIDECAR_CALL_BODY', `the answer cannot be read: ${why}`))
  }

  private endAttempt(outcome: Outcome, error?: unknown): void {
    this.release()
    this.attempts.report(outcome, this.status, error)
  }

  // --- the ends ---

  private complete(): void {
    this.settle(this.status >= 500 ? 'failed' : 'ok')
    try {
      const value = this.finish(this)
      if (value instanceof Promise) this.endWith(value)
      else this.attempts.end(this.status)
      this.resolve(value)
    } catch (error) {
      this.attempts.end(this.status, error)
      this.reject(error)
    }
  }

  /** The value is checked still. */
  private endWith(value: Promise<unknown>): void {
    const { attempts, status } = this
    value.then(
      () => attempts.end(status),
      (error: unknown) => attempts.end(status, error),
    )
  }

  /** @param outcome what is reported of the instance */
  giveUp(error: unknown, outcome: Outcome = 'failed'): void {
    if (this.settled) return
    this.settle(outcome, error)
    this.attempts.end(this.status, error)
    this.reject(error)
    // The rest of the response is not needed: closes the socket, so that the provider may stop its work.
    this.abort?.(error instanceof Error ? error : undefined)
  }

  private settle(outcome: Outcome, error?: unknown): void {
    this.settled = true
    this.endAttempt(outcome, error)
    this.stopIdleTimer()
    if (this.deadline instanceof Deadline) this.method.deadlines!.stop(this.deadline)
    else if (this.deadline !== undefined) clearTimeout(this.deadline)
    if (this.bound.signal !== undefined) offAbort(this.bound.signal, this)
    // One that stands between the caller's body and the socket. The caller's own stream is closed by `invoke`.
    const body: unknown = this.options?.body
    if (body instanceof Readable && body !== this.bound.body) body.destroy()
  }

  onDeadline(): void {
    this.giveUp(timedOut(this, this.timeoutMs))
  }

  /** The caller's signal: this object listens itself, which spares a closure a call. */
  onAbort(reason: unknown): void {
    this.giveUp(aborted(this, reason), outcomeOfAbort(reason))
  }

  /** Of the whole call. */
  private get timeoutMs(): number {
    return this.bound.timeoutMs ?? this.method.timeoutMs
  }

  // --- the response, and errors ---

  body(): unknown {
    return readBody(this, this.bytes, this.contentType, this.method.json)
  }

  whole(): FeignResponse {
    const { status, attempts } = this
    const body = this.body()
    return { status, headers: this.headers(), body, instance: attempts.endpoint?.instance, attempts: attempts.count }
  }

  fail(code: SidecarErrorCode, why: string, body?: unknown, cause?: unknown): FeignError {
    return callFailed(this.method, this.bound.path, this.attempts, this.status, { code, why, body, cause })
  }

  /** An error of a layer below, with what is known of this call. */
  private asCallError(error: unknown): unknown {
    return error instanceof SidecarError ? this.fail(error.code, error.message, undefined, error) : error
  }
}
