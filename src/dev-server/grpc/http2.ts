import { constants, performServerHandshake } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { GrpcFault, GrpcStatus, MessageAssembler, withPrefix } from './framing.js'
import { decodePayload, encodePayload } from './payload.js'
import type { Payload } from './payload.js'

/** As Nacos takes. */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024
/** What a client may send ahead. */
const WINDOW_BYTES = 1024 * 1024
/** In MB; Node's own limit of 10 would refuse a message that is within ours. */
const SESSION_MEMORY_MB = 1024

/** The stream of one client, both ways. */
export interface PayloadStream {
  send(payload: Payload): void
  /** Ends it in good order: status 0. */
  end(): void
}

export interface StreamListener {
  onPayload(payload: Payload): void
  /** The client ended it, or it is gone. More than once is possible. */
  onGone(): void
}

export interface GrpcMethods {
  /** `/Request/request` */
  request(payload: Payload): Payload
  /** `/BiRequestStream/requestBiStream` */
  requestBiStream(stream: PayloadStream): StreamListener
}

/** Speaks gRPC on a socket that a client has opened. */
export function serveGrpc(socket: Socket, methods: GrpcMethods): ServerHttp2Session {
  const session = performServerHandshake(socket, {
    maxSessionMemory: SESSION_MEMORY_MB,
    settings: { initialWindowSize: WINDOW_BYTES },
  })
  session.setLocalWindowSize(WINDOW_BYTES)
  session.on('error', () => {})
  session.on('stream', (stream, headers) => {
    // 'close' follows.
    stream.on('error', () => {})
    const path = headers[':path']
    if (!isGrpc(headers)) refuseForeign(stream)
    else if (path === '/Request/request') serveRequest(stream, methods)
    else if (path === '/BiRequestStream/requestBiStream') serveStream(stream, methods)
    else fail(stream, new GrpcFault(GrpcStatus.UNIMPLEMENTED, `There is no method ${path}.`))
  })
  return session
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers[':method'] === 'POST' && /^application\/grpc($|[+;])/.test(headers['content-type'] ?? '')
}

/** A browser or another client that took the wrong port. */
function refuseForeign(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 415 }, { endStream: true })
  closeOnceSent(stream)
}

function serveRequest(stream: ServerHttp2Stream, methods: GrpcMethods): void {
  let request: Payload | undefined
  readPayloads(stream, (payload) => (request ??= payload))
  stream.on('end', () => {
    if (hasEnded(stream)) return
    if (!request) return fail(stream, new GrpcFault(GrpcStatus.INTERNAL, 'There is no message.'))
    const answer = methods.request(request)
    accept(stream)
    stream.end(withPrefix(encodePayload(answer)))
  })
}

function serveStream(stream: ServerHttp2Stream, methods: GrpcMethods): void {
  accept(stream)
  const listener = methods.requestBiStream({
    send(payload) {
      if (!hasEnded(stream)) stream.write(withPrefix(encodePayload(payload)))
    },
    end: () => void stream.end(),
  })
  readPayloads(stream, listener.onPayload)
  stream.on('end', () => {
    listener.onGone()
    stream.end()
  })
  stream.on('close', listener.onGone)
}

function readPayloads(stream: ServerHttp2Stream, onPayload: (payload: Payload) => void): void {
  const assembler = new MessageAssembler(MAX_MESSAGE_BYTES)
  stream.on('data', (piece: Buffer) => {
    if (hasEnded(stream)) return
    try {
      for (const message of assembler.add(piece)) onPayload(decoded(message))
    } catch (error) {
      if (!(error instanceof GrpcFault)) throw error
      fail(stream, error)
    }
  })
  stream.on('end', () => {
    if (assembler.unfinished) fail(stream, new GrpcFault(GrpcStatus.INTERNAL, 'The message is cut short.'))
  })
}

function decoded(message: Buffer): Payload {
  try {
    return decodePayload(message)
  } catch (error) {
    throw new GrpcFault(GrpcStatus.INTERNAL, (error as Error).message)
  }
}

/** Sends the headers; the status follows whatever is written, when the stream ends. */
function accept(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(GrpcStatus.OK) }))
}

function fail(stream: ServerHttp2Stream, { status, message }: GrpcFault): void {
  if (hasEnded(stream)) return
  const said = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) }
  if (stream.headersSent) {
    stream.removeAllListeners('wantTrailers').on('wantTrailers', () => {
      stream.sendTrailers(said)
      closeOnceSent(stream)
    })
    stream.end()
  } else {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...said }, { endStream: true })
    // The rest of what the client is sending is not read.
    if (!stream.readableEnded) closeOnceSent(stream)
  }
}

/** Node 26 sends the reset of a stream before headers that were queued at the same moment, and then drops these. */
function closeOnceSent(stream: ServerHttp2Stream): void {
  setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR))
}

/** Nothing more can be written. */
function hasEnded(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed || stream.writableEnded
}
