import { Duplex, Readable } from 'node:stream'
import { BodyReader, readHead, type RequestHead } from './request-bytes.js'

/** A request that a client of `node:http` has written. */
export interface RelayedRequest extends RequestHead {
  /** Whole, where it was written at once; then it can be sent a second time. */
  readonly content: Buffer | Readable | null
}

/** Sends the request on, and writes the answer to `socket.push`. */
export type Relay = (request: RelayedRequest, socket: RelaySocket) => void

/** What carries a relayed request at its other end. */
export interface Carrier {
  /** More of the answer is wanted. */
  resume(): void
  /** The client has ended the request; `reason` is its own. */
  abort(reason: Error): void
}

/** No head that Node writes for a request is longer. */
const LONGEST_HEAD = 1024 * 1024

/**
 * What a client of `node:http` takes for the socket of one request. Nothing is connected: the request goes through the
 * calls of services, and may be sent to another instance where the first one fails. It has what clients use of a
 * `net.Socket`.
 */
export class RelaySocket extends Duplex {
  readonly connecting = false
  readonly authorized = true
  /** Of the instance, once there is one. */
  remoteAddress: string | undefined
  remotePort: number | undefined
  carrier: Carrier | undefined
  /** Why the client has ended the request. */
  endReason = named('the client has ended the request', 'AbortError')
  /** After an upgrade, the socket to the instance. */
  private tunnel: Duplex | undefined
  private head: Buffer = Buffer.alloc(0)
  private reader: BodyReader | undefined
  private body: Readable | undefined
  /** Goes on when the body, or the tunnel, takes more. */
  private onDrain: (() => void) | undefined
  private timer: NodeJS.Timeout | undefined
  private silent = false

  constructor(
    private readonly relay: Relay,
    /** The client speaks https. */
    readonly encrypted: boolean,
  ) {
    super({ readableHighWaterMark: 64 * 1024 })
    // The client of node:http has done with the socket.
    this.once('free', () => this.destroy())
  }

  /** The connection is no longer one of HTTP. @param bytes the answer that says so */
  openTunnel(bytes: Buffer, socket: Duplex): void {
    this.tunnel = socket
    this.push(bytes)
    socket.on('data', (chunk: Buffer) => void (this.push(chunk) || socket.pause()))
    socket.once('end', () => this.push(null))
    socket.once('error', (error) => this.destroy(error))
    socket.once('close', () => this.destroy())
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.receive(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.receive(chunks.length === 1 ? chunks[0]!.chunk : Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _read(): void {
    this.carrier?.resume()
    this.tunnel?.resume()
  }

  override _final(done: () => void): void {
    this.tunnel?.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.timer)
    // One that ran out of time says something about the instance; any other end does not.
    this.endReason = this.silent ? named('no answer in time', 'TimeoutError') : (error ?? this.endReason)
    this.carrier?.abort(this.endReason)
    this.body?.destroy()
    this.tunnel?.destroy()
    this.onDrain?.()
    done(error)
  }

  override push(chunk: unknown): boolean {
    this.touch()
    return super.push(chunk)
  }

  private touch(): void {
    this.silent = false
    this.timer?.refresh()
  }

  private receive(data: Buffer, done: () => void): void {
    this.touch()
    if (this.tunnel) return this.pass(this.tunnel.write(data), this.tunnel, done)
    if (this.reader === undefined) return this.takeHead(data, done)
    this.takeBody(data, done)
  }

  private takeHead(data: Buffer, done: (error?: Error) => void): void {
    this.head = this.head.length === 0 ? data : Buffer.concat([this.head, data])
    const end = this.head.indexOf('\r\n\r\n')
    if (end < 0)
      return done(this.head.length > LONGEST_HEAD ? new Error('the head of the request is too long') : undefined)
    const head = readHead(this.head.toString('latin1', 0, end))
    const rest = this.head.subarray(end + 4)
    this.head = Buffer.alloc(0)
    // A body without a frame, as Node writes that of a GET, is what has come with the head.
    this.reader = new BodyReader(head.body === 0 && head.upgrade === undefined ? rest.length : head.body)
    if (head.awaitsContinue) this.push('HTTP/1.1 100 Continue\r\n\r\n')
    const parts = this.reader.read(rest)
    if (this.reader.complete) {
      this.relay({ ...head, content: parts.length > 0 ? Buffer.concat(parts) : null }, this)
      return done()
    }
    this.body = new Readable({ read: () => this.drained() })
    this.body.on('error', () => {})
    this.relay({ ...head, content: this.body }, this)
    this.passBody(parts, done)
  }

  private takeBody(data: Buffer, done: () => void): void {
    if (this.body === undefined || this.body.destroyed) return done()
    this.passBody(this.reader!.read(data), done)
  }

  private passBody(parts: readonly Buffer[], done: () => void): void {
    let more = true
    for (const part of parts) more = this.body!.push(part)
    if (this.reader!.complete) this.body!.push(null)
    if (more || this.reader!.complete) return done()
    this.onDrain = done
  }

  private pass(more: boolean, to: Duplex, done: () => void): void {
    if (more) return done()
    this.onDrain = done
    to.once('drain', () => this.drained())
  }

  private drained(): void {
    const { onDrain } = this
    this.onDrain = undefined
    onDrain?.()
  }

  // --- what clients use of a net.Socket ---

  setTimeout(ms: number, listener?: () => void): this {
    clearTimeout(this.timer)
    this.timer = undefined
    if (ms > 0) {
      this.timer = setTimeout(() => {
        this.silent = true
        this.emit('timeout')
      }, ms).unref()
      if (listener) this.once('timeout', listener)
    } else if (listener) this.removeListener('timeout', listener)
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  address(): object {
    return {}
  }
}

function named(message: string, name: string): Error {
  return Object.assign(new Error(message), { name })
}
