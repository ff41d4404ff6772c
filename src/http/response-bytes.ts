import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { hasNoBody } from '../calls/response-head.js'
import type { ServiceInstance } from '../types.js'
import { flatten, rawHeaders } from './relay.js'
import type { RelaySocket } from './relay-socket.js'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController

/** Writes an answer as a server would, to the client of `node:http` that reads the socket. */
export class ResponseBytes implements Handler {
  private chunked = false
  private begun = false

  constructor(
    private readonly socket: RelaySocket,
    private readonly method: string,
  ) {}

  onRequestStart(controller: Controller, context?: { readonly instance?: ServiceInstance }): void {
    const { socket } = this
    if (socket.destroyed) return controller.abort(socket.endReason)
    socket.carrier = controller
    socket.remoteAddress = context?.instance?.ip
    socket.remotePort = context?.instance?.port
  }

  onRequestUpgrade(controller: Controller, status: number, headers: IncomingHttpHeaders, socket: Duplex): void {
    this.socket.carrier = undefined
    if (this.socket.destroyed) return void socket.destroy()
    this.socket.openTunnel(headBytes(status, undefined, pairsOf(rawHeaders(controller, headers))), socket)
  }

  onResponseStart(controller: Controller, status: number, headers: IncomingHttpHeaders, text?: string): void {
    const pairs = pairsOf(rawHeaders(controller, headers))
    if (status < 200) return this.write(controller, headBytes(status, text, pairs))
    this.begun = true
    const own = this.frame(status, pairs)
    this.write(controller, headBytes(status, text, own))
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    // undici has one after a pause; to the client it would be the end of the body.
    if (chunk.length === 0) return
    if (this.chunked) this.socket.push(`${chunk.length.toString(16)}\r\n`)
    this.write(controller, chunk)
    if (this.chunked) this.write(controller, '\r\n')
  }

  onResponseEnd(_: Controller, trailers: IncomingHttpHeaders): void {
    this.socket.carrier = undefined
    if (this.chunked) this.socket.push(Buffer.concat([Buffer.from('0\r\n'), lines(pairsOf(flatten(trailers))), CRLF]))
  }

  onResponseError(_: Controller, error: Error): void {
    const { socket } = this
    socket.carrier = undefined
    // The client sees a response that was cut off, as it does where a server goes away.
    socket.destroy(this.begun ? undefined : asClientError(error))
  }

  /** The headers, with those of the end of the body made anew: undici has taken the body out of its frame. */
  private frame(status: number, pairs: readonly Pair[]): readonly Pair[] {
    if (this.method === 'HEAD' || (hasNoBody(status) && status !== 205)) return pairs
    const isOf = (name: string) => (pair: Pair) => pair[0].toString('latin1').toLowerCase() === name
    const unframed = pairs.filter((pair) => !isOf('transfer-encoding')(pair))
    // Node's parser takes a 205 for an answer with a body.
    if (status === 205) return [...unframed.filter((pair) => !isOf('content-length')(pair)), NO_BODY]
    if (unframed.length === pairs.length && pairs.some(isOf('content-length'))) return pairs
    this.chunked = true
    return [...unframed.filter((pair) => !isOf('content-length')(pair)), CHUNKED]
  }

  private write(controller: Controller, bytes: Buffer | string): void {
    if (!this.socket.push(bytes)) controller.pause()
  }
}

type Pair = readonly [name: Buffer, value: Buffer]

const CRLF = Buffer.from('\r\n')
const SEPARATOR = Buffer.from(': ')
const CHUNKED: Pair = [Buffer.from('transfer-encoding'), Buffer.from('chunked')]
const NO_BODY: Pair = [Buffer.from('content-length'), Buffer.from('0')]

function headBytes(status: number, text: string | undefined, pairs: readonly Pair[]): Buffer {
  const first = `HTTP/1.1 ${status} ${text || (STATUS_CODES[status] ?? '')}\r\n`
  return Buffer.concat([Buffer.from(first, 'latin1'), lines(pairs), CRLF])
}

function lines(pairs: readonly Pair[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [name, SEPARATOR, value, CRLF]))
}

/** Names and values by turns; a value may be several. */
function pairsOf(raw: readonly (Buffer | readonly Buffer[])[]): Pair[] {
  const pairs: Pair[] = []
  for (let i = 0; i + 1 < raw.length; i += 2)
    for (const value of [raw[i + 1]!].flat() as Buffer[]) pairs.push([raw[i] as Buffer, value])
  return pairs
}

/** undici's errors by the names that clients of `node:http` know, and retry by. */
const CODES: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_CONNECT_TIMEOUT: 'ETIMEDOUT',
}

function asClientError(error: Error): Error {
  const code = CODES[(error as { code?: string }).code ?? '']
  return code === undefined ? error : Object.assign(new Error(error.message, { cause: error }), { code })
}
