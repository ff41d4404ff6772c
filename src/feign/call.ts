import { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { Endpoint, Outcome } from '../balance/balancer.js'
import { currentContext } from '../context.js'
import { messageOf, SidecarError, type SidecarErrorCode } from '../errors.js'
import type { ServiceInstance } from '../types.js'
import { offAbort, onAbort } from '../util/abort-listeners.js'
import { ResponseCollector, type RawResponse } from './raw-response.js'
import type { BoundCall } from './bind.js'
import { encodeBody, type EncodedBody } from './body.js'
import { decompress, tooLarge } from './decode.js'
import { callError, FeignError, reasonOf } from './errors.js'
import { addContextHeaders } from '../calls/propagation.js'
import { hasHeader, headerValue, overrideHeaders, type FlatHeaders } from '../calls/flat-headers.js'
import type { CompiledMethod } from './method-spec.js'
import { originOf } from '../calls/pools.js'
import { isRetryableStatus, outcomeOfAbort } from '../calls/retry.js'

/**
 * One call with all its attempts. It is the undici handler of each attempt as well: one object and one promise a
 * call. undici's older handler methods are used on purpose: they hand over raw header buffers, of which a call needs
 * two, where the newer ones build an object of all.
 */
export class Call extends ResponseCollector<CompiledMethod> implements Dispatcher.DispatchHandler, RawResponse {
  private resolve!: (value: unknown) => void
  private reject!: (error: unknown) => void
  private settled = false
  /** Set while undici has the request on a socket. */
  private abort: ((error?: Error) => void) | undefined
  /** Of the whole call. */
  private deadline: NodeJS.Timeout | undefined
  /** Of the present silence. Our own, not undici's: those tick twice a second and cost it a timer a request. */
  private idleTimer: NodeJS.Timeout | undefined
  private options: Dispatcher.DispatchOptions | undefined
  private encoded: EncodedBody | undefined
  /** The caller's own stream failed: no fault of the instance. */
  private bodyFailed = false

  constructor(
    method: CompiledMethod,
    private readonly bound: BoundCall,
    /** Makes the call's value of an answer, or throws. */
    private readonly finish: (answer: RawResponse) => unknown,
  ) {
    super(method)
  }

  protected describe() {
    return { method: this.rules.verb, path: this.bound.path, status: this.status }
  }

  start(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
      try {
        this.prepare()
      } catch (error) {
        this.settle('aborted')
        reject(error instanceof FeignError ? error : this.asCallError(error))
      }
    })
  }

  private prepare(): void {
    const { rules: method, bound } = this
    const { signal } = bound
    const timeoutMs = bound.timeoutMs ?? method.timeoutMs
    if (signal !== undefined) {
      if (signal.aborted) throw this.aborted(signal.reason)
      onAbort(signal, this)
    }
    if (timeoutMs < Infinity) this.deadline = setTimeout(onDeadline, timeoutMs, this, timeoutMs).unref()
    const headers = this.requestHeaders()
    if (method.hashKey !== undefined) this.hashKey = method.hashKey(bound.path, headers)
    this.options = {
      path: bound.path,
      method: method.verb,
      headers: headers as string[],
      body: (this.encoded?.body ?? null) as Dispatcher.DispatchOptions['body'],
      headersTimeout: 0,
      bodyTimeout: 0,
    }
    method.budget.deposit()
    this.attempt()
  }

  private requestHeaders(): FlatHeaders {
    const { rules: method, bound } = this
    let { headers } = bound
    if (bound.body !== undefined) {
      this.encoded = encodeBody(bound.body, headerValue(headers, 'content-type'), method.json)
      const { body, contentType, partsType, length, oneShot } = this.encoded
      this.replayable = !oneShot
      if (body instanceof Readable) this.watchBody(body)
      if (contentType !== undefined && !hasHeader(headers, 'content-type'))
        headers = headers.concat('content-type', contentType)
      else if (partsType) headers = overrideHeaders(headers, ['content-type', contentType!])
      if (length !== undefined) headers = headers.concat('content-length', String(length))
    }
    if (!method.forwards) return headers
    const context = currentContext()
    if (context === undefined) return headers
    this.version = context.version
    return addContextHeaders(headers, context, method.versionHeader)
  }

  private attempt(): void {
    const { route, origin, pools } = this.rules
    if (route === undefined) return this.sendTo(undefined, pools.at(origin!))
    const endpoint = this.pick()
    if (endpoint) return this.goTo(endpoint)
    this.awaitInstance().then(
      (found) => (this.settled ? route.done(found, 'aborted') : this.goTo(found)),
      (error: unknown) => this.giveUp(this.asCallError(error)),
    )
  }

  private goTo(endpoint: Endpoint): void {
    try {
      this.sendTo(endpoint, this.rules.pools.of(endpoint.instance))
    } catch (error) {
      this.giveUp(this.asCallError(error), 'aborted') // the sidecar has stopped meanwhile
    }
  }

  protected dispatch(pool: Pool): void {
    this.abort = undefined
    if (this.sent > 0 && this.encoded?.again !== undefined) this.renewBody(this.encoded.again())
    pool.dispatch(this.options!, this)
  }

  /** The one before has been read in part. */
  private renewBody(body: Readable): void {
    this.watchBody(body)
    this.options!.body = body
  }

  private watchBody(body: Readable): void {
    body.once('error', () => (this.bodyFailed = true))
  }

  protected override begin(endpoint: Endpoint | undefined): void {
    super.begin(endpoint)
    this.listen()
  }

  /** Where the whole call ends before a silence could, one timer is enough: the second is felt at full speed. */
  private listen(): void {
    const { readTimeoutMs, timeoutMs } = this.rules
    if (this.idleTimer !== undefined) this.idleTimer.refresh()
    else if ((this.bound.timeoutMs ?? timeoutMs) > readTimeoutMs)
      this.idleTimer = setTimeout(onIdle, readTimeoutMs, this).unref()
  }

  // --- undici, in the order in which it calls ---

  /** From here on bytes may be on their way: only an idempotent request may be sent again. */
  onConnect(abort: (error?: Error) => void): void {
    if (this.settled) return abort()
    this.abort = abort
    this.sent++
  }

  onHeaders(status: number, rawHeaders: Buffer[]): boolean {
    if (status < 200) return true
    const announced = this.readHead(status, rawHeaders)
    if (this.endsWithHead && !this.settled) {
      this.complete()
      if (this.bytesMayFollow) this.abort?.()
      return true
    }
    if (announced > this.rules.maxResponseBytes && this.rules.verb !== 'HEAD') this.failTooLarge()
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.settled) return true
    this.add(chunk)
    if (!this.rules.wholeAttempt) this.idleTimer?.refresh()
    if (this.size > this.rules.maxResponseBytes) this.failTooLarge()
    return true
  }

  onComplete(): void {
    if (this.settled || (isRetryableStatus(this.status) && this.tryAgain(false, true))) return
    this.join()
    const { encoding } = this
    if (this.bytes === undefined || encoding === undefined || encoding === 'identity') return this.complete()
    decompress(this.bytes, encoding, this.rules.maxResponseBytes).then(
      (bytes) => {
        this.bytes = bytes
        if (!this.settled) this.complete()
      },
      (error: unknown) => this.giveUp(this.fail('SIDECAR_CALL_BODY', `the answer cannot be read: ${messageOf(error)}`)),
    )
  }

  onError(error: Error): void {
    if (this.settled) return
    const code = (error as { code?: string }).code ?? ''
    if (code === 'UND_ERR_INVALID_ARG')
      return this.giveUp(this.fail('SIDECAR_CALL_INVALID', error.message, undefined, error), 'aborted')

    if (this.bodyFailed)
      return this.giveUp(
        this.fail('SIDECAR_CALL_FAILED', `its body broke: ${reasonOf(error)}`, undefined, error),
        'aborted',
      )

    const neverSent = this.abort === undefined
    this.end(neverSent ? 'never-connected' : 'failed')
    if (this.tryAgain(neverSent)) return
    if (error instanceof IdleTimeout) return this.giveUp(this.fail('SIDECAR_CALL_TIMEOUT', error.message))
    const why = neverSent ? `no connection: ${reasonOf(error)}` : reasonOf(error)
    this.giveUp(this.fail('SIDECAR_CALL_FAILED', why, undefined, error))
  }

  onNoConnection(why: string): void {
    this.end('aborted')
    if (!this.tryAgain(true)) this.giveUp(this.fail('SIDECAR_CALL_TIMEOUT', why))
  }

  /** Moves on to another instance, or once more to a fixed address; false where the call may not be repeated. */
  private tryAgain(neverSent: boolean, answered = false): boolean {
    const { route, origin, pools, budget } = this.rules
    try {
      if (route === undefined) {
        // One address only: it refuses, or it has answered.
        if (neverSent || answered || !this.mayRepeat(false) || !budget.withdraw()) return false
        this.clear()
        this.sendTo(undefined, pools.at(origin!))
        return true
      }
      const next = this.next(neverSent, answered)
      if (next === undefined) return false
      this.end('failed')
      this.clear()
      this.goTo(next)
    } catch (error) {
      this.giveUp(error, 'aborted') // the sidecar has stopped meanwhile; undici must not see a throw
    }
    return true
  }

  // --- the ends ---

  private complete(): void {
    this.settle(this.status >= 500 ? 'failed' : 'ok')
    try {
      this.resolve(this.finish(this))
    } catch (error) {
      this.reject(error)
    }
  }

  /** @param outcome what is reported of the instance */
  giveUp(error: unknown, outcome: Outcome = 'failed'): void {
    if (this.settled) return
    this.settle(outcome)
    this.reject(error)
    // The rest of the response is not needed: closes the socket, so that the provider may stop its work.
    this.abort?.(error instanceof Error ? error : undefined)
  }

  private settle(outcome: Outcome): void {
    this.settled = true
    this.end(outcome)
    clearTimeout(this.idleTimer)
    if (this.deadline !== undefined) clearTimeout(this.deadline)
    if (this.bound.signal !== undefined) offAbort(this.bound.signal, this)
    // One that stands between the caller's body and the socket. The caller's own stream is closed by `invoke`.
    const body: unknown = this.options?.body
    if (body instanceof Readable && body !== this.bound.body) body.destroy()
  }

  private failTooLarge(): void {
    this.giveUp(this.fail('SIDECAR_CALL_BODY', `the answer cannot be read: ${tooLarge(this.rules.maxResponseBytes)}`))
  }

  expire(timeoutMs: number): void {
    this.giveUp(this.timedOut(timeoutMs))
  }

  /** On a socket another instance may still answer; a request that never got one has waited long enough. */
  failIdle(): void {
    const ms = this.rules.readTimeoutMs
    if (this.abort !== undefined) this.abort(new IdleTimeout(`no answer for ${ms} ms`))
    else this.giveUp(this.fail('SIDECAR_CALL_TIMEOUT', `no free connection for ${ms} ms`))
  }

  /** The caller's signal: this object listens itself, which spares a closure a call. */
  onAbort(reason: unknown): void {
    this.giveUp(this.aborted(reason), outcomeOfAbort(reason))
  }

  timedOut(timeoutMs: number): FeignError {
    return this.fail('SIDECAR_CALL_TIMEOUT', `not done within timeoutMs, ${timeoutMs} ms`)
  }

  aborted(reason: unknown): FeignError {
    return this.fail('SIDECAR_CALL_ABORTED', 'its signal was aborted', undefined, reason)
  }

  /** An error of a layer below, with what is known of this call. */
  private asCallError(error: unknown): unknown {
    return error instanceof SidecarError ? this.fail(error.code, error.message, undefined, error) : error
  }

  // --- RawResponse ---

  get instance(): ServiceInstance | undefined {
    return this.endpoint?.instance
  }

  fail(code: SidecarErrorCode, why: string, body?: unknown, cause?: unknown): FeignError {
    const { rules: method, instance, attempts, status } = this
    const origin = instance ? originOf(instance) : method.origin
    const facts = {
      service: method.service,
      method: method.verb,
      instance,
      attempts,
      status: status || undefined,
      body,
    }
    return callError(code, why, { ...facts, url: (origin ?? '') + this.bound.path }, cause)
  }
}

/** Why an attempt was cut off. */
class IdleTimeout extends Error {}

function onIdle(call: Call): void {
  call.failIdle()
}

function onDeadline(call: Call, timeoutMs: number): void {
  call.expire(timeoutMs)
}
