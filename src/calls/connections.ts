import type { Pool } from 'undici'
import { messageOf } from '../errors.js'
import { firesLate } from '../util/deadline.js'
import { loadedUndici, loadUndici } from '../util/undici.js'

/** An attempt that waits for a free connection. */
export interface ConnectionWaiter {
  /** One is free, and reserved for this waiter. */
  onConnection(): void
  /** None became free in time. */
  onNoConnection(why: string): void
}

export interface ConnectionsOptions {
  readonly origin: string
  /** Of one connection attempt, and of a wait in which no connection becomes free; 0 for none. */
  readonly connectTimeoutMs: number
  readonly maxConnections: number
  /** Hears once, the first time that calls found no free connection for so long. */
  readonly onStuck: (message: string) => void
}

/** The connections to one address, as numbers. */
export interface ConnectionsStatus {
  readonly origin: string
  /** Open sockets; more than `inUse` where some are kept alive. */
  readonly open: number
  readonly inUse: number
  /** Streams without an end, which keep a connection for themselves. */
  readonly streams: number
  /** Attempts that wait for a free one. */
  readonly waiting: number
  readonly limit: number
}

/**
 * The connections to one address, `maxConnections` at most. Further requests wait in turn. Where no connection becomes
 * free for `connectTimeoutMs`, all waiting attempts are notified, so that they can go elsewhere: answers that are never
 * read to their end would hold them for ever. Streams without an end are counted apart: see `release`.
 */
export class Connections {
  /** `undefined` until undici is loaded. */
  private pool: Pool | undefined
  private open = 0
  /** Streams that the present pool carries. */
  private streams = 0
  private readonly waiting = new Set<ConnectionWaiter>()
  private timer: NodeJS.Timeout | undefined
  /** When the timer should fire, by `performance.now()`. */
  private dueMs = 0
  private warned = false
  /** Used since the last look at it. */
  used = true
  closed = false

  constructor(private readonly options: ConnectionsOptions) {
    this.pool = this.createPool()
    if (this.pool === undefined) {
      loadUndici().then(
        () => this.start(),
        (error: unknown) => this.refuseAll(`undici could not be loaded: ${messageOf(error)}`),
      )
    }
  }

  get origin(): string {
    return this.options.origin
  }

  /** The pool to dispatch to, for an attempt that has reserved a connection. */
  get current(): Pool {
    // A request would wait for the streams without end inside of a pool that they have left no connection of.
    if (this.open + this.streams > this.options.maxConnections) this.renewPool()
    return this.pool!
  }

  status(): ConnectionsStatus {
    const { origin, maxConnections: limit } = this.options
    const open = this.pool?.stats.connected ?? 0
    return { origin, open, inUse: this.open, streams: this.streams, waiting: this.waiting.size, limit }
  }

  get idle(): boolean {
    return this.open === 0 && this.waiting.size === 0 && (this.pool?.stats.size ?? 0) === 0
  }

  /** Takes a connection, to be given back by `release`; false where all are in use: then `wait`. */
  take(): boolean {
    if (this.open >= this.options.maxConnections || this.pool === undefined) return false
    this.open++
    return true
  }

  wait(waiter: ConnectionWaiter): void {
    this.waiting.add(waiter)
    // The time to load undici is no fault of the instance.
    if (this.pool !== undefined) this.startTimer()
  }

  /** A waiter waits no more. */
  forget(waiter: ConnectionWaiter): void {
    this.waiting.delete(waiter)
    if (this.waiting.size === 0) this.stopTimer()
  }

  /** Gives one back: the request has ended, or it has become a stream, which keeps its connection for itself. */
  release(stream = false): void {
    this.open--
    if (stream && !this.closed && ++this.streams * 2 >= this.options.maxConnections) this.renewPool()
    if (this.waiting.size === 0) return
    const [next] = this.waiting
    this.waiting.delete(next!)
    if (this.waiting.size === 0) this.stopTimer()
    else if (this.timer !== undefined) this.wind(this.timer)
    this.open++
    next!.onConnection()
  }

  /** Closes once what is in flight has finished. */
  async close(): Promise<void> {
    this.closed = true
    this.refuseAll('the instance has left')
    await this.pool?.close()
  }

  private giveUp(): void {
    // A connection may be free already: what arrived while the loop was blocked is read after the timers.
    if (firesLate(this.dueMs)) return this.wind(this.timer!)
    this.timer = undefined
    const { origin, maxConnections, connectTimeoutMs } = this.options
    const why = `all ${maxConnections} connections to ${origin} are in use and none became free for ${connectTimeoutMs} ms: read or cancel every answer, or raise max-connections of feign.client.<name>`
    if (!this.warned) this.options.onStuck(`No free connection: ${why}. Calls go to other instances meanwhile`)
    this.warned = true
    this.refuseAll(why)
  }

  private refuseAll(why: string): void {
    this.stopTimer()
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const waiter of waiting) waiter.onNoConnection(why)
  }

  /** undici is there: those that have waited for it go first. */
  private start(): void {
    if (this.closed) return
    this.pool = this.createPool()
    for (const waiter of this.waiting) {
      if (!this.take()) return this.startTimer()
      this.forget(waiter)
      waiter.onConnection()
    }
  }

  /** The old one goes on with what it carries, and is closed after it. */
  private renewPool(): void {
    void this.pool?.close()
    this.pool = this.createPool()
    this.streams = 0
  }

  private createPool(): Pool | undefined {
    const { origin, maxConnections, connectTimeoutMs } = this.options
    const undici = loadedUndici()
    return (
      undici &&
      new undici.Pool(origin, { connections: maxConnections, connectTimeout: connectTimeoutMs, pipelining: 1 })
    )
  }

  private startTimer(): void {
    const { connectTimeoutMs } = this.options
    if (connectTimeoutMs === 0 || this.timer !== undefined) return
    this.timer = setTimeout(() => this.giveUp(), connectTimeoutMs).unref()
    this.dueMs = performance.now() + connectTimeoutMs
  }

  /** The time begins anew. */
  private wind(timer: NodeJS.Timeout): void {
    timer.refresh()
    this.dueMs = performance.now() + this.options.connectTimeoutMs
  }

  private stopTimer(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }
}
