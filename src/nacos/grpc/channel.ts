import type * as Grpc from '@grpc/grpc-js'
import { connect, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { SidecarError, messageOf } from '../../errors.js'
import type { ConnectionTls } from '../../settings/connection.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { tlsOptions } from '../tls.js'

/** One HTTP/2 connection that carries opaque messages: the only file that knows grpc-js. */
export interface Channel {
  /** Our own address as the server's network sees it; '' before the first call. */
  localAddress(): string
  /** `/Request/request`. Rejects with the signal's reason once it aborts. */
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
const same = (buffer: Buffer) => buffer

/** Loads grpc-js on its first use, and only for a port that answers; the channel connects with its first call. */
export async function openChannel(options: ChannelOptions, signal: AbortSignal): Promise<Channel> {
  if (!loaded) await knock(options.address, signal)
  const grpc = await (loaded ??= loadGrpc())
  let socket: Socket | undefined
  let pending = 0
  let closed = false
  const credentials = credentialsOf(grpc, options)
  observeSocket(credentials, {
    mayConnect: () => !closed && socket === undefined,
    onSocket(opened) {
      socket = opened
      if (pending === 0) opened.unref()
    },
  })
  const { address, maxMessageBytes, tls } = options
  const client = new grpc.Client(`dns:${address.authority}`, credentials, {
    // The server ties the stream and the calls together by their socket: it must be ours alone.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    ...(tls.serverName ? { 'grpc.ssl_target_name_override': tls.serverName } : {}),
  })
  let open: { cancel(): void } | undefined

  // An idle connection must not hold the process; a request somebody awaits must.
  const hold = () => {
    if (pending++ === 0) socket?.ref()
  }
  const release = () => {
    if (--pending === 0) socket?.unref()
  }

  return {
    localAddress: () => socket?.localAddress?.replace(/^::ffff:/, '') ?? '',
    call: (message, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        hold()
        const onAbort = () => call.cancel()
        const call = client.makeUnaryRequest('/Request/request', same, same, message, (error, answer) => {
          signal.removeEventListener('abort', onAbort)
          release()
          if (answer) resolve(answer)
          else reject(signal.aborted ? signal.reason : error)
        })
        signal.addEventListener('abort', onAbort, { once: true })
      }),
    stream(onMessage, onEnd) {
      const stream = client.makeBidiStreamRequest('/BiRequestStream/requestBiStream', same, same)
      open = stream
      let ended = false
      const end = (error: Error) => {
        if (ended || closed) return
        ended = true
        onEnd(error)
      }
      stream.on('data', onMessage)
      stream.on('error', end)
      stream.on('end', () => end(new Error('the server ended the stream')))
      if (pending === 0) socket?.unref()
      return (message) => void (ended || closed || stream.write(message))
    },
    async close() {
      if (closed) return
      closed = true
      open?.cancel()
      client.close()
      if (socket && !socket.closed) await closeSocket(socket)
    },
  }
}

let loaded: Promise<typeof Grpc> | undefined

/** Rejects where nobody listens. */
function knock({ host, port }: ServerAddress, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect({ host, port })
    socket.unref()
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      settle()
    }
    const onAbort = () => end(() => reject(signal.reason as Error))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('connect', () => end(resolve)).once('error', (error) => end(() => reject(error)))
  })
}

async function loadGrpc(): Promise<typeof Grpc> {
  try {
    return await import('@grpc/grpc-js')
  } catch (cause) {
    throw new SidecarError(
      'SIDECAR_REGISTRY_UNSUPPORTED',
      `gRPC needs the package @grpc/grpc-js, which could not be loaded (${messageOf(cause)}): npm install @grpc/grpc-js`,
      { cause },
    )
  }
}

function credentialsOf(grpc: typeof Grpc, { address, tls }: ChannelOptions): Grpc.ChannelCredentials {
  if (!address.tls) return grpc.credentials.createInsecure()
  // Explicitly, so that NODE_TLS_REJECT_UNAUTHORIZED has no say.
  return grpc.credentials.createFromSecureContext(createSecureContext(tlsOptions(tls)), { rejectUnauthorized: true })
}

/**
 * grpc-js shows nobody its socket, holds the process with it for as long as a stream is open, and connects again by
 * itself, even once more after it was closed. Here one channel is one socket.
 */
function observeSocket(
  credentials: Grpc.ChannelCredentials,
  { mayConnect, onSocket }: { mayConnect: () => boolean; onSocket: (socket: Socket) => void },
): void {
  const create = credentials._createSecureConnector.bind(credentials)
  credentials._createSecureConnector = (...args) => {
    const connector = create(...args)
    const connect = connector.connect.bind(connector)
    const waitForReady = connector.waitForReady.bind(connector)
    connector.waitForReady = async () => {
      if (!mayConnect()) throw new Error('this connection is over')
      await waitForReady()
    }
    connector.connect = async (tcp) => {
      const secured = await connect(tcp)
      onSocket(secured.socket)
      return secured
    }
    return connector
  }
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
