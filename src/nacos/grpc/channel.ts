import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { ConnectionTls } from '../../settings/connection.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { cancel, startCall } from './call.js'
import { frame } from './frames.js'
import { openSocket } from './socket.js'
import { Status, StatusError } from './status.js'

/** One HTTP/2 connection that carries opaque messages. It does not connect again: once it is lost, it stays lost. */
export interface Channel {
  /** Our own address as the server's network sees it. */
  localAddress(): string
  /** `/Request/request`. Rejects with the signal's reason once it aborts, otherwise with a `StatusError`. */
  call(message: Buffer, signal: AbortSignal): Promise<Buffer>
  /** `/BiRequestStream/requestBiStream`. `onEnd` comes exactly once, unless the channel was closed by us. */
  stream(onMessage: (message: Buffer) => void, onEnd: (error: Error) => void): (message: Buffer) => void
  /** Resolves when the socket is gone. */
  close(): Promise<void>
}

export interface ChannelOptions {
  /** Host, gRPC port, TLS or not. */
  readonly address: ServerAddress
  readonly tls: ConnectionTls
  readonly maxMessageBytes: number
}

const CLOSE_GRACE_MS = 300
/** How long calls may go on that the server had accepted before its GOAWAY. */
const GOAWAY_GRACE_MS = 300
/** What a server may send ahead, as gRPC for Java and C++ have it: the 64 KiB of HTTP/2 cost a round trip each. */
const WINDOW_BYTES = 1024 * 1024
/** In MB. Node's own limit of 10 would refuse a message that is within ours. */
const SESSION_MEMORY_MB = 1024

/** Resolves once the server has proved that it supports HTTP/2. */
export async function openChannel(options: ChannelOptions, signal: AbortSignal): Promise<Channel> {
  const { address, maxMessageBytes } = options
  const socket = await openSocket(address, options.tls, signal)
  // Loaded for a port that answers: many registries are reached over HTTP alone.
  const { connect } = process.getBuiltinModule('node:http2')
  const localAddress = socket.localAddress?.replace(/^::ffff:/, '') ?? ''
  const session = connect(`${address.tls ? 'https' : 'http'}://${address.authority}`, {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY_MB,
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
  })
  let lost: Error | undefined
  const connectionError = () => lost
  session.on('error', (error: Error) => (lost ??= error))
  socket.on('error', (error) => (lost ??= error))
  session.on('close', () => (lost ??= new Error('the server closed the connection')))
  await ready(session, connectionError, signal)

  let pending = 0
  let closed = false
  let goingAway = false
  let push: ClientHttp2Stream | undefined
  let endPush: ((error: Error) => void) | undefined

  // An idle connection must not hold the process; a request that is waited for must.
  const hold = () => {
    if (pending++ === 0) socket.ref()
  }
  const release = () => {
    if (--pending > 0) return
    socket.unref()
    if (goingAway) leave()
  }
  socket.unref()

  /** The server accepts no new calls on this connection. */
  const leave = () => endPush?.(new Error('the server is shutting down (GOAWAY)'))
  session.on('goaway', () => {
    goingAway = true
    if (pending === 0) leave()
    else setTimeout(leave, GOAWAY_GRACE_MS).unref()
  })

  return {
    localAddress: () => localAddress,
    call: (message, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const framed = frame(message, maxMessageBytes)
        let answer: Buffer | undefined
        const stream = startCall(session, '/Request/request', maxMessageBytes, {
          connectionError,
          onMessage: (received) => (answer ??= received),
          onEnd(error) {
            signal.removeEventListener('abort', onAbort)
            release()
            if (error) reject(error)
            else if (answer) resolve(answer)
            else reject(new StatusError(Status.INTERNAL, 'the server answered without a message'))
          },
        })
        hold()
        const onAbort = () => {
          reject(signal.reason as Error)
          cancel(stream)
        }
        signal.addEventListener('abort', onAbort, { once: true })
        stream.end(framed)
      }),
    stream(onMessage, onEnd) {
      endPush = (error) => {
        endPush = undefined
        if (!closed) onEnd(error)
      }
      const stream = startCall(session, '/BiRequestStream/requestBiStream', maxMessageBytes, {
        connectionError,
        onMessage,
        onEnd: (error) => endPush?.(error ?? new Error('the server ended the stream')),
      })
      push = stream
      return (message) => {
        if (!closed && !stream.closed) stream.write(frame(message, maxMessageBytes))
      }
    },
    async close() {
      if (closed) return
      closed = true
      if (push) cancel(push)
      session.close()
      if (!socket.closed) await closeSocket(socket)
    },
  }
}

/** Until the server's first frame: something else that listens there never sends it. */
function ready(
  session: ClientHttp2Session,
  connectionError: () => Error | undefined,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      signal.removeEventListener('abort', onAbort)
      session.off('close', onClose)
      end()
    }
    const onAbort = () =>
      settle(() => {
        session.destroy()
        reject(signal.reason as Error)
      })
    const onClose = () => settle(() => reject(connectionError() ?? new Error('the server closed the connection')))
    session.once('close', onClose)
    session.once('remoteSettings', () =>
      settle(() => {
        session.setLocalWindowSize(WINDOW_BYTES)
        resolve()
      }),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
