import type { ChannelModel, ConfirmChannel } from 'amqplib'
import { randomUUID } from 'node:crypto'
import { SidecarError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { AmqpConnection } from '../messaging/amqp/connection.js'
import { startDeadline, type Deadline } from '../util/deadline.js'
import { ownError } from './errors.js'
import { LiveChannel } from './live-channel.js'
import { JSON_MESSAGE, REPLY_QUEUE_TTL_MS, replyQueueOf, routingKeyOf } from './names.js'
import { PendingCalls } from './replies.js'

/** A request as it is sent. */
export interface RpcRequest {
  readonly service: string
  readonly method: string
  readonly body: Buffer
  readonly headers: Readonly<Record<string, unknown>>
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export interface RpcClientOptions {
  /** The own service. */
  readonly service: string
  readonly exchange: string
  readonly connection: AmqpConnection
  readonly logger: Logger
  /** Of a reply. */
  readonly maxBytes: number
}

/** What a timeout that passed while this process could not run is given once more, to read the reply that may be there. */
const GRACE_MS = 250

/** Sends requests, and takes the replies to all of them from one queue. */
export class RpcClient {
  private readonly calls = new PendingCalls()
  private readonly id = randomUUID()
  private readonly queue: string
  private readonly requests: LiveChannel
  private readonly replies: LiveChannel

  constructor(private readonly options: RpcClientOptions) {
    this.queue = replyQueueOf(options.service, this.id)
    const { connection, logger } = options
    this.replies = new LiveChannel({
      ...{ name: 'replies of Nameko services', link: connection.consuming, logger },
      // A reply that comes meanwhile waits in its queue, which outlives the connection.
      setUp: (channel, model) => this.listen(channel, model),
    })
    this.requests = new LiveChannel({
      ...{ name: 'calls of Nameko services', link: connection.publishing, logger },
      setUp: async (channel) => {
        channel.on('return', ({ properties }) => this.calls.fail(properties.correlationId, unknownService))
        await channel.assertExchange(options.exchange, 'topic', { durable: true })
      },
      onLost: (error) =>
        this.calls.failAll(
          ({ where }) => lost(where, error),
          ({ confirmed }) => !confirmed,
        ),
    })
  }

  /** @throws SidecarError, NamekoRemoteError: as `NamekoRpc.call` says */
  async call(request: RpcRequest): Promise<unknown> {
    const { signal, timeoutMs } = request
    const deadline = startDeadline(timeoutMs, [signal], GRACE_MS)
    const where = routingKeyOf(request.service, request.method)
    const id = randomUUID()
    try {
      await this.replies.open(deadline.signal)
      const channel = await this.requests.open(deadline.signal)
      return await new Promise((resolve, reject) => {
        const abort = () => reject(deadline.signal.reason as Error)
        deadline.signal.addEventListener('abort', abort, { once: true })
        if (deadline.signal.aborted) return abort()
        this.calls.add(id, { where, confirmed: false, resolve, reject })
        this.send(channel, id, request)
      })
    } catch (error) {
      throw deadline.signal.aborted ? this.ended(where, deadline, request) : error
    } finally {
      this.calls.forget(id)
      deadline.dispose()
    }
  }

  async close(): Promise<void> {
    const stopped = ({ where }: { readonly where: string }) =>
      new SidecarError('SIDECAR_STOPPED', `${where}: the sidecar has stopped before the reply came`)
    this.calls.failAll(stopped)
    // It would expire by itself.
    await this.replies.current?.deleteQueue(this.queue).catch(() => {})
    await Promise.all([this.requests.close(), this.replies.close()])
  }

  private async listen(channel: ConfirmChannel, connection: ChannelModel): Promise<void> {
    const { queue, options } = this
    if (this.calls.size > 0 && !(await isThere(connection, queue))) {
      this.calls.failAll(({ where }) => lost(where, new Error('the queue of replies was deleted')))
    }
    await channel.assertExchange(options.exchange, 'topic', { durable: true })
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-expires': REPLY_QUEUE_TTL_MS } })
    await channel.bindQueue(queue, options.exchange, this.id)
    await channel.consume(queue, (message) => {
      // The broker has ended the consumer: the queue was deleted.
      if (message === null) return void channel.close().catch(() => {})
      channel.ack(message)
      const { correlationId, contentType } = message.properties
      this.calls.settle(correlationId, { content: message.content, contentType, maxBytes: options.maxBytes })
    })
  }

  private send(channel: ConfirmChannel, id: string, { service, method, body, headers, timeoutMs }: RpcRequest): void {
    const properties = {
      ...{ ...JSON_MESSAGE, headers, mandatory: true, replyTo: this.id, correlationId: id },
      // The caller waits no longer then.
      expiration: String(Math.ceil(timeoutMs)),
    }
    try {
      channel.publish(this.options.exchange, routingKeyOf(service, method), body, properties, (error) => {
        if (!error) this.calls.confirm(id)
        else this.calls.fail(id, ({ where }) => lost(where, new Error('the broker did not take the request')))
      })
    } catch (error) {
      this.calls.fail(id, ({ where }) => lost(where, error))
    }
  }

  private ended(where: string, { expired, signal }: Deadline, { timeoutMs }: RpcRequest): SidecarError {
    if (!expired) {
      return new SidecarError('SIDECAR_CALL_ABORTED', `${where}: the call was aborted`, { cause: signal.reason })
    }
    const { connected, lastError } = this.options.connection.status()
    const why = connected ? '' : `; the broker is not connected${lastError === undefined ? '' : `: ${lastError}`}`
    return ownError('RpcTimeout', `no reply within ${timeoutMs} ms${why}`, { where, code: 'SIDECAR_CALL_TIMEOUT' })
  }
}

function unknownService({ where }: { readonly where: string }): SidecarError {
  const service = where.slice(0, where.lastIndexOf('.'))
  const fields = { where, code: 'SIDECAR_NO_INSTANCE', excArgs: [service] } as const
  return ownError('UnknownService', `Unknown service \`${service}\``, fields)
}

function lost(where: string, cause: unknown): SidecarError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SidecarError(
    'SIDECAR_CALL_FAILED',
    `${where}: the reply is lost, and whether the request was worked on is not known: ${why}`,
    { cause },
  )
}

/** A look-up of a queue that is not there ends its channel. */
async function isThere(connection: ChannelModel, queue: string): Promise<boolean> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  const found = await channel.checkQueue(queue).then(
    () => true,
    () => false,
  )
  if (found) await channel.close().catch(() => {})
  return found
}
