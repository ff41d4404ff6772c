import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { messageOf } from '../../errors.js'
import { createFrameReader } from './frames.js'
import { notGrpc, Status, StatusError, statusOf } from './status.js'

/** Error codes of HTTP/2 (RFC 9113, section 7). */
const NO_ERROR = 0
const CANCEL = 8

export interface CallHandlers {
  /** Each message of the server. */
  readonly onMessage: (message: Buffer) => void
  /** Exactly once, after the last message: without an error where the server ended the call with status 0. */
  readonly onEnd: (error: StatusError | undefined) => void
  /** Why the connection is gone, if it is: more precise than the error of a stream. */
  readonly connectionError: () => Error | undefined
}

/**
 * Opens one gRPC call; the caller writes to the stream, and ends it early by `cancel`. @throws StatusError UNAVAILABLE
 */
export function startCall(
  session: ClientHttp2Session,
  path: string,
  maxMessageBytes: number,
  { onMessage, onEnd, connectionError }: CallHandlers,
): ClientHttp2Stream {
  const stream = open(session, path, connectionError)
  const reader = createFrameReader(maxMessageBytes)
  let status: StatusError | 'ok' | undefined
  let streamError: Error | undefined
  let ended = false

  const end = (error: StatusError | undefined) => {
    if (ended) return
    ended = true
    onEnd(error)
  }
  /** What is wrong with the answer ends the call, and the server need not send the rest. */
  const fail = (error: StatusError) => {
    end(error)
    cancel(stream)
  }
  const endWith = (said: StatusError | 'ok') => {
    if (said !== 'ok') return end(said)
    end(reader.partial ? new StatusError(Status.INTERNAL, 'the answer ends inside a message') : undefined)
  }

  stream.on('response', (headers) => {
    // A call that fails at once has its status here and no trailers.
    status = statusOf(headers)
    const foreign = status ? undefined : notGrpc(headers)
    if (foreign) fail(foreign)
  })
  stream.on('trailers', (headers) => {
    status = statusOf(headers) ?? status
  })
  stream.on('data', (chunk: Buffer) => {
    if (ended) return
    try {
      for (const message of reader.read(chunk)) if (!ended) onMessage(message)
    } catch (error) {
      fail(error instanceof StatusError ? error : new StatusError(Status.INTERNAL, messageOf(error)))
    }
  })
  stream.on('end', () => {
    if (status) endWith(status)
    // Trailers come before: there is no more. Where the server did not wait for what we still send, Node does, without
    // end.
    if (!status || !stream.writableFinished) stream.destroy()
  })
  // 'close' follows, and knows more.
  stream.on('error', (error) => (streamError = error))
  stream.on('close', () => {
    if (status) return endWith(status)
    end(lossOf(stream, connectionError() ?? streamError))
  })
  return stream
}

function open(session: ClientHttp2Session, path: string, connectionError: CallHandlers['connectionError']) {
  try {
    return session.request({
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'nacos-sidecar',
    })
  } catch (error) {
    // A session that is closed, or accepts no more.
    throw new StatusError(Status.UNAVAILABLE, messageOf(connectionError() ?? error))
  }
}

/** Ends a call on both sides; a stream that is over already does not mind. */
export function cancel(stream: ClientHttp2Stream): void {
  if (!stream.closed) stream.close(CANCEL)
}

/** A call that ended without a status. */
function lossOf({ rstCode }: ClientHttp2Stream, cause: Error | undefined): StatusError {
  if (cause) return new StatusError(Status.UNAVAILABLE, messageOf(cause))
  const why = rstCode === NO_ERROR ? 'without a status' : `by a reset (HTTP/2 code ${rstCode})`
  return new StatusError(Status.UNAVAILABLE, `the server ended the call ${why}`)
}
