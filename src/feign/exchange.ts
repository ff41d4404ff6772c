import type { Dispatcher } from 'undici'
import { ConnectionHolder } from '../calls/connection-holder.js'
import { bytesMayFollow, hasNoBody } from '../calls/response-head.js'
import { DRAIN_HEADER } from '../drain-header.js'
import { loadedUndici } from '../util/undici.js'
import { NOT_QUEUED, type QueuedTimer, type TimerQueue } from '../util/timer-queue.js'
import { decompress, tooLarge } from './decode.js'
import { decimal, isNamed, rawHeader, rawValue, typeText } from './raw-headers.js'

/** What an exchange may take. */
export interface ExchangeRules {
  readonly verb: string
  /** Of a body, decompressed. */
  readonly maxResponseBytes: number
  /** Longest silence of an attempt; with `wholeAttempt`, its longest time. `Infinity` for none. */
  readonly readTimeoutMs: number
  /** Of `readTimeoutMs`. */
  readonly readTimers: TimerQueue
  readonly wholeAttempt: boolean
}

const NO_HEADERS: Buffer[] = []

/**
 * One request over undici, and its response, taken in whole. It is undici's handler itself, and knows nothing of what
 * the request is for, nor when it is sent again: what extends it is called back, and may send again after `clear`.
 * undici's older handler methods are used on purpose: they hand over raw header buffers, of which a call needs two,
 * where the newer ones build an object of all.
 */
export abstract class Exchange<Rules extends ExchangeRules>
  extends ConnectionHolder
  implements Dispatcher.DispatchHandler, QueuedTimer
{
  status = 0
  protected contentType: string | undefined
  /** The body; `undefined` where it is empty. */
  protected bytes: Buffer | undefined
  /** Set while undici has the request on a socket. */
  protected abort: ((error?: Error) => void) | undefined
  /** What comes from here on is ignored. */
  protected settled = false
  // The timer of the present silence, a place in `readTimers`. Our own, not undici's: those tick twice a second.
  dueAt = NOT_QUEUED
  earlier: QueuedTimer | undefined
  later: QueuedTimer | undefined
  private encoding: string | undefined
  /** Bytes that have come. */
  private size = 0
  private rawHeaders: Buffer[] = NO_HEADERS
  private chunks: Buffer[] | undefined

  constructor(protected readonly method: Rules) {
    super()
  }

  /** The request is on a socket: bytes may be on their way. */
  protected abstract onSent(): void
  protected abstract onDrainHeader(value: string): void
  /** The response is whole; its body may be compressed still. */
  protected abstract onWhole(): void
  /** @param neverSent it did not come to a socket */
  protected abstract onBroken(error: Error, neverSent: boolean): void
  protected abstract onUnreadable(why: string): void
  /** No connection was free within `readTimeoutMs`. On a socket, an idle exchange is `onBroken` by `IdleTimeout`. */
  protected abstract onIdleUnsent(why: string): void

  /** @param endsInMs when the whole call ends: where that is before a silence could, one timer is enough */
  protected startIdleTimer(endsInMs: number): void {
    if (endsInMs > this.method.readTimeoutMs) this.method.readTimers.start(this)
  }

  protected stopIdleTimer(): void {
    this.method.readTimers.stop(this)
  }

  headers(): Record<string, string | string[]> {
    return loadedUndici()!.parseHeaders(this.rawHeaders)
  }

  /** Forgets the response of an attempt, so that another one can begin. */
  protected clear(): void {
    this.status = this.size = 0
    this.contentType = this.encoding = this.bytes = this.chunks = undefined
  }

  protected get isCompressed(): boolean {
    const { encoding } = this
    return this.bytes !== undefined && encoding !== undefined && encoding !== 'identity'
  }

  /** Undoes the content encodings; rejects where one is not known, is broken, or unpacks to too much. */
  protected async decompress(): Promise<void> {
    this.bytes = await decompress(this.bytes!, this.encoding!, this.method.maxResponseBytes)
  }

  // --- undici, in the order in which it calls ---

  onConnect(abort: (error?: Error) => void): void {
    if (this.settled) return abort()
    this.abort = abort
    this.onSent()
  }

  onHeaders(status: number, rawHeaders: Buffer[]): boolean {
    if (status < 200) return true
    const announced = this.readHead(status, rawHeaders)
    if (this.settled) return true
    if (hasNoBody(status)) {
      this.onWhole()
      if (this.bytesMayFollow()) this.abort?.()
    } else if (announced > this.method.maxResponseBytes && this.method.verb !== 'HEAD') {
      this.failTooLarge()
    }
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.settled) return true
    this.size += chunk.length
    // Nearly every response is one chunk: it is the body as it is.
    if (this.bytes === undefined) this.bytes = chunk
    else (this.chunks ??= [this.bytes]).push(chunk)
    if (this.dueAt !== NOT_QUEUED && !this.method.wholeAttempt) this.method.readTimers.start(this)
    if (this.size > this.method.maxResponseBytes) this.failTooLarge()
    return true
  }

  onComplete(): void {
    if (this.settled) return
    if (this.chunks !== undefined) this.bytes = Buffer.concat(this.chunks, this.size)
    this.onWhole()
  }

  onError(error: Error): void {
    if (!this.settled) this.onBroken(error, this.abort === undefined)
  }

  /** Another instance may still answer, whether the request is on a socket or waits for one. */
  onTimeout(): void {
    const ms = this.method.readTimeoutMs
    if (this.abort !== undefined) this.abort(new IdleTimeout(`no answer for ${ms} ms`))
    else this.onIdleUnsent(`no free connection for ${ms} ms`)
  }

  private failTooLarge(): void {
    this.onUnreadable(tooLarge(this.method.maxResponseBytes))
  }

  /** @returns the length the head announces; 0 where it does not */
  private readHead(status: number, rawHeaders: Buffer[]): number {
    this.status = status
    this.rawHeaders = rawHeaders
    let announced = 0
    // By length first, and in one pass: this is the hot path.
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!
      const { length } = name
      if (length === 12 && isNamed(name, 'content-type')) this.contentType ??= typeText(rawHeaders[i + 1]!)
      else if (length === 14 && isNamed(name, 'content-length')) announced = decimal(rawHeaders[i + 1]!)
      else if (length === 16 && isNamed(name, 'content-encoding'))
        this.encoding ??= rawHeaders[i + 1]!.toString('latin1')
      else if (length === DRAIN_HEADER.length && isNamed(name, DRAIN_HEADER))
        this.onDrainHeader(rawHeaders[i + 1]!.toString('latin1'))
    }
    return announced
  }

  private bytesMayFollow(): boolean {
    const { status, rawHeaders } = this
    const chunked = rawValue(rawHeaders, 'transfer-encoding') !== undefined
    return bytesMayFollow(status, rawHeader(rawHeaders, 'content-length'), chunked)
  }
}

/** Why an attempt was cut off. */
export class IdleTimeout extends Error {}
