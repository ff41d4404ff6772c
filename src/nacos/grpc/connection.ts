import { registryRequests } from '../../diagnostics.js'
import { messageOf, SidecarError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { pause, withDeadline } from '../../util/deadline.js'
import type { Channel } from './channel.js'
import { answerError, badAnswer, isConnectionLoss, isUnregistered, unavailable } from './errors.js'
import {
  connectionSetup,
  healthCheck,
  parseMessage,
  serverCheck,
  textOr,
  type Message,
  type Request,
} from './messages.js'
import { decodePayload, encodePayload } from './payload.js'
import { Status, StatusError } from './status.js'
import { createRedactor } from '../../util/redactor.js'

/** One accepted connection to one server. Once lost it stays lost. */
export interface Connection {
  readonly address: ServerAddress
  /** Nacos 2.3 and later negotiate what they can do; older servers and r-nacos do not. */
  readonly negotiates: boolean
  /** Rejects with a `SidecarError`; `headers` go with the request's own. */
  request(request: Request, options: RequestOptions): Promise<Message>
  /** Resolves when the socket is gone; `onLost` is not called for it. */
  close(): Promise<void>
}

export interface RequestOptions {
  readonly timeoutMs: number
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface GrpcConnectionOptions {
  readonly address: ServerAddress
  readonly openChannel: (address: ServerAddress, signal: AbortSignal) => Promise<Channel>
  /** `naming` connections own instances; configs are served on either. */
  readonly module: 'naming' | 'config'
  readonly tenant: string
  /** Deadline of the whole set-up. */
  readonly connectTimeoutMs: number
  /** Silence after which the server is asked whether it is there. */
  readonly livenessIntervalMs: number
  /** Silence after that question which ends the connection. */
  readonly livenessTimeoutMs: number
  readonly logger: Logger
  readonly signal: AbortSignal
  /** A request of the server other than those of the connection itself; it has been acknowledged. */
  readonly onPush: (type: string, message: Message) => void
  /** At most once, and only after the connection was accepted. */
  readonly onLost: (reason: SidecarError) => void
}

/** Answers whatever the server asks on the stream: `FooRequest` is acknowledged by `FooResponse`. */
const ACKNOWLEDGED = /^(SetupAck|ClientDetection|ConnectReset|NotifySubscriber|ConfigChangeNotify)Request$/

const FIRST_PROBE_MS = 15

/**
 * Server check, set-up, and a wait until the server accepts requests; rejects and leaves nothing behind if it fails.
 */
export async function openConnection(options: GrpcConnectionOptions): Promise<Connection> {
  const { address, logger } = options
  const server = address.authority
  const channel = await withDeadline(options.connectTimeoutMs, [options.signal], (signal) =>
    options.openChannel(address, signal),
  ).catch((error: unknown) => {
    throw error instanceof SidecarError ? error : unavailable('connecting', server, error)
  })
  const ended = new AbortController()
  let lost: SidecarError | undefined
  let accepted = false
  let heardAt = performance.now()

  const close = () => {
    lost ??= unavailable('the connection', server, new Error('closed'))
    ended.abort(lost)
    return channel.close()
  }
  const lose = (cause: unknown) => {
    if (lost) return
    lost = cause instanceof SidecarError ? cause : unavailable('the connection', server, cause)
    void close()
    if (accepted) options.onLost(lost)
  }
  const encode = ({ type, body, headers }: Pick<Request, 'type' | 'body' | 'headers'>) =>
    encodePayload({ type, headers, clientIp: channel.localAddress(), body: Buffer.from(JSON.stringify(body)) })

  const exchange: Connection['request'] = async (request, { timeoutMs, headers, signal }) => {
    if (lost) throw lost
    const message = encode({ ...request, headers: { ...request.headers, ...headers } })
    const answer = await withDeadline(timeoutMs, [ended.signal, signal], (deadline) =>
      channel.call(message, deadline),
    ).catch((cause: unknown) => {
      signal?.throwIfAborted()
      throw lost ?? callError(request, server, cause)
    })
    heardAt = performance.now()
    const body = parse(answer, request, server)
    if (body['resultCode'] === 200) return body
    const code = typeof body['errorCode'] === 'number' ? body['errorCode'] : 500
    const refused = answerError(request.label, server, code, without(headers, textOr(body['message'], '')))
    // An accepted connection the server does not know any more is a lost one.
    if (accepted && isUnregistered(refused)) lose(refused)
    throw refused
  }

  const request: Connection['request'] = (asked, how) =>
    registryRequests.active ? observed(server, asked, exchange(asked, how)) : exchange(asked, how)

  const onMessage = (bytes: Buffer) => {
    heardAt = performance.now()
    let type = ''
    try {
      const payload = decodePayload(bytes)
      type = payload.type
      if (!ACKNOWLEDGED.test(type)) return
      const message = parseMessage(payload.body)
      // Acknowledged first: the server waits for it, and a listener may take long.
      const requestId = message['requestId']
      const body = { ...(typeof requestId === 'string' ? { requestId } : {}), resultCode: 200 }
      write(encode({ type: type.replace(/Request$/, 'Response'), body }))
      options.onPush(type, message)
    } catch (error) {
      logger.warn(`Nacos ${server} (gRPC): a push ${type} was not understood and is ignored: ${messageOf(error)}`)
    }
  }
  let write: (message: Buffer) => void = () => {}

  const handshake = async (signal: AbortSignal): Promise<boolean> => {
    const checked = await request(serverCheck, { timeoutMs: options.connectTimeoutMs, signal })
    write = channel.stream(onMessage, lose)
    write(encode(connectionSetup(options.module, options.tenant)))
    // Servers register a connection some time after they have read its set-up, and refuse its requests until then.
    for (let wait = FIRST_PROBE_MS; ; wait = Math.min(wait * 2, 250)) {
      try {
        await request(healthCheck, { timeoutMs: options.connectTimeoutMs, signal })
        return checked['supportAbilityNegotiation'] === true
      } catch (error) {
        if (!isUnregistered(error)) throw error
        if (!(await pause(wait, signal))) throw signal.reason
      }
    }
  }

  let negotiates: boolean
  try {
    negotiates = await withDeadline(options.connectTimeoutMs, [options.signal], handshake)
  } catch (error) {
    const reason = lost ?? (error instanceof SidecarError ? error : unavailable('connecting', server, error))
    await close()
    throw reason
  }
  accepted = true

  const watch = async () => {
    for (;;) {
      const silentMs = performance.now() - heardAt
      if (silentMs < options.livenessIntervalMs) {
        if (!(await pause(options.livenessIntervalMs - silentMs, ended.signal))) return
        continue
      }
      try {
        await request(healthCheck, { timeoutMs: options.livenessTimeoutMs })
      } catch (error) {
        if (lost) return
        if (isConnectionLoss(error)) return lose(error)
        // A refusal is a sign of life as well.
        heardAt = performance.now()
      }
    }
  }
  void watch()

  return { address, negotiates, request, close }
}

/** For `diagnostics.ts`. */
async function observed(server: string, { type, label }: Request, answer: Promise<Message>): Promise<Message> {
  const since = performance.now()
  const publish = (status: number | undefined, error: string | undefined) =>
    registryRequests.publish({
      ...{ server, protocol: 'grpc', method: type, path: label.slice(label.indexOf(' ') + 1) },
      ...{ status, error, ms: performance.now() - since },
    })
  try {
    const message = await answer
    publish(200, undefined)
    return message
  } catch (error) {
    publish(undefined, messageOf(error))
    throw error
  }
}

function parse(answer: Buffer, request: Request, server: string): Message {
  try {
    return parseMessage(decodePayload(answer).body)
  } catch (error) {
    throw badAnswer(request.label, server, `the answer is malformed (${messageOf(error)})`)
  }
}

function callError(request: Request, server: string, cause: unknown): SidecarError {
  const status = cause instanceof StatusError ? cause.code : undefined
  // Said by our own side or by the server: gRPC has no other status for it.
  if (status === Status.RESOURCE_EXHAUSTED) {
    return new SidecarError(
      request.resource?.module === 'config' ? 'SIDECAR_CONFIG_TOO_LARGE' : 'SIDECAR_REGISTRY_ANSWER',
      `${request.label} on Nacos ${server} (gRPC): the message exceeds the size limit (${messageOf(cause)})`,
      { cause },
    )
  }
  if (status === Status.UNIMPLEMENTED) return badAnswer(request.label, server, 'the method is not implemented')
  return unavailable(request.label, server, cause)
}

/** A server may quote the token it refuses. */
function without(headers: RequestOptions['headers'], text: string): string {
  return createRedactor(Object.values(headers ?? {}))(text)
}
