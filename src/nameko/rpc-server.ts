import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, SidecarError } from '../errors.js'
import type { AmqpConnection } from '../messaging/amqp/connection.js'
import { contextOfHeaders } from '../messaging/context-headers.js'
import type { SidecarHost } from '../messaging/host.js'
import { namekoContextOf, runAsNamekoCall } from '../messaging/nameko-context.js'
import { SERVER } from '../tracing/span-values.js'
import { pause } from '../util/deadline.js'
import { mask } from '../util/secrets.js'
import { runAsCall } from './current-call.js'
import { NamekoRemoteError, ownError } from './errors.js'
import { LiveChannel } from './live-channel.js'
import { invalid, JSON_MESSAGE, requestQueueOf, routingKeyOf } from './names.js'
import { decodeRequest, encodeError, encodeResult } from './payload.js'
import { bindArguments, type NamekoMethod } from './signature.js'
import { rpcAttributes } from './span-attributes.js'

export interface RpcServerOptions {
  readonly host: SidecarHost
  /** The own service. */
  readonly service: string
  readonly exchange: string
  readonly concurrency: number
  /** Of a request, and of a reply. */
  readonly maxBytes: number
  connection(): AmqpConnection
  forwardsToken(): boolean
}

/** One that is worked on. */
interface Call {
  readonly channel: ConfirmChannel
  readonly leaving: AbortController
}

/** For messages. */
const NAME = 'calls by Nameko services'
/** A handler may end within this time after its signal has aborted. */
const ABORT_GRACE_MS = 100
/** After a reply that the broker did not take. */
const AGAIN_MS = 200

/** Takes the requests of the own service, runs their handlers, and replies. */
export class RpcServer {
  private readonly methods = new Map<string, NamekoMethod>()
  private readonly running = new Map<Promise<void>, Call>()
  private requests: LiveChannel | undefined
  private replies: LiveChannel | undefined
  private readonly consumers = new Map<ConfirmChannel, string>()
  private stopped = false
  private concurrency: number
  /** Settles when the queue is read for the first time. */
  readonly ready: Promise<void>
  private onReady = (_: void | Promise<void>) => {}

  constructor(private readonly options: RpcServerOptions) {
    this.concurrency = options.concurrency
    this.ready = new Promise((resolve) => (this.onReady = resolve))
    this.ready.catch(() => {})
  }

  setConcurrency(concurrency: number): void {
    this.concurrency = concurrency
    for (const channel of this.consumers.keys()) void channel.prefetch(concurrency, true).catch(() => {})
  }

  /** @throws SidecarError `SIDECAR_NAMEKO_INVALID` for a name that is taken */
  add(name: string, method: NamekoMethod): void {
    if (this.methods.has(name)) throw invalid(`nameko.serve`, `there is another handler of "${name}"`)
    this.methods.set(name, method)
  }

  start(): void {
    if (this.requests || this.stopped) return
    const { exchange, host } = this.options
    const { logger } = host
    const connection = this.connect()
    if (connection === undefined) return
    this.replies = new LiveChannel({
      ...{ name: 'replies to Nameko services', link: connection.publishing, logger },
      setUp: async (channel) => void (await channel.assertExchange(exchange, 'topic', { durable: true })),
    })
    this.requests = new LiveChannel({
      ...{ name: NAME, link: connection.consuming, logger },
      setUp: (channel) => this.consume(channel),
      // The broker delivers what was not replied to again.
      onLost: (_, channel) => void this.consumers.delete(channel),
      onReplaced: (channel) => this.leave(channel),
    })
  }

  /** A wrong setting of the broker must not end the start: the app may serve more than these calls. */
  private connect(): AmqpConnection | undefined {
    try {
      return this.options.connection()
    } catch (error) {
      this.options.host.logger.error(`no call of Nameko services is answered: ${mask(messageOf(error))}`)
      this.onReady(Promise.reject(error as Error))
      return undefined
    }
  }

  stop(): void {
    this.stopped = true
    for (const channel of [...this.consumers.keys()]) void this.cancel(channel)
  }

  get busy(): boolean {
    return this.running.size > 0
  }

  async finish(signal: AbortSignal): Promise<void> {
    let over = () => {}
    const left = new Promise<void>((resolve) => (over = resolve))
    const abort = () => {
      const reason = new SidecarError('SIDECAR_STOPPED', 'the process leaves before the call is done')
      for (const { leaving } of this.running.values()) leaving.abort(reason)
      void sleep(ABORT_GRACE_MS, undefined, { ref: false }).then(over)
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const done = async () => {
      while (this.running.size > 0) await Promise.all(this.running.keys())
    }
    await Promise.race([done(), left])
    signal.removeEventListener('abort', abort)
  }

  async close(): Promise<void> {
    await Promise.all([this.requests?.close(), this.replies?.close()])
  }

  private async consume(channel: ConfirmChannel): Promise<void> {
    if (this.stopped) return
    const { service, exchange } = this.options
    const queue = requestQueueOf(service)
    // Of the channel, not of a consumer: it can be changed later.
    await channel.prefetch(this.concurrency, true)
    await channel.assertExchange(exchange, 'topic', { durable: true })
    await channel.assertQueue(queue, { durable: true })
    await channel.bindQueue(queue, exchange, `${service}.*`)
    const { consumerTag } = await channel.consume(queue, (message) => {
      // The broker has ended the consumer: the queue was deleted.
      if (message === null) void channel.close().catch(() => {})
      // It was on its way when the consumer was cancelled.
      else if (this.stopped) channel.nack(message)
      else this.take(channel, message)
    })
    this.consumers.set(channel, consumerTag)
    if (this.stopped) await channel.cancel(consumerTag)
    this.onReady()
  }

  private async cancel(channel: ConfirmChannel): Promise<void> {
    const tag = this.consumers.get(channel)
    this.consumers.delete(channel)
    if (tag !== undefined) await attempt(() => channel.cancel(tag))
  }

  /** Nothing more comes by it, and what came has ended. */
  private async leave(channel: ConfirmChannel): Promise<void> {
    await this.cancel(channel)
    await Promise.all([...this.running].flatMap(([run, call]) => (call.channel === channel ? run : [])))
  }

  private take(channel: ConfirmChannel, message: ConsumeMessage): void {
    const leaving = new AbortController()
    const run = this.handle(channel, message, leaving.signal)
      .catch((error: unknown) => {
        if (!leaving.signal.aborted) this.options.host.logger.error(`${NAME}: ${mask(messageOf(error))}`)
      })
      .finally(() => this.running.delete(run))
    this.running.set(run, { channel, leaving })
  }

  private async handle(channel: ConfirmChannel, message: ConsumeMessage, leaving: AbortSignal): Promise<void> {
    const { routingKey } = message.fields
    let reply: Buffer
    try {
      reply = encodeResult(await this.work(message, leaving), this.options.maxBytes)
    } catch (error) {
      // Another instance, or the next start, works on it: it was not replied to.
      if (leaving.aborted) return
      this.tell(routingKey, error)
      reply = encodeError(error)
    }
    // Not if the process leaves meanwhile: then the request goes back.
    await this.reply(message, reply, leaving)
    // After the loss of its channel the request comes again, and its second reply is dropped.
    await attempt(async () => channel.ack(message))
  }

  private async work(message: ConsumeMessage, leaving: AbortSignal): Promise<unknown> {
    const { host, service, maxBytes } = this.options
    const { routingKey } = message.fields
    const [name, method] = this.find(routingKey)
    const { contentType, headers = {} } = message.properties
    const { args, kwargs } = decodeRequest({ content: message.content, contentType, maxBytes })
    const bound = bindArguments(name, method, args, kwargs)
    const context = namekoContextOf(headers)
    const start = {
      ...{ kind: 'rpc' as const, name: routingKey, signal: leaving },
      context: contextOfHeaders(host, headers, this.options.forwardsToken()),
      span: { kind: SERVER, attributes: rpcAttributes(service, name) },
    }
    return host.work.operate(start, ({ signal }) => {
      const call = { service, method: name, context, redelivered: message.fields.redelivered, signal }
      const run = async () => method.handler(...(bound as never[]))
      return runAsNamekoCall(
        () => context,
        routingKey,
        () => runAsCall(call, run),
      )
    })
  }

  /** @throws NamekoRemoteError `MethodNotFound` */
  private find(routingKey: string): [string, NamekoMethod] {
    for (const entry of this.methods) if (routingKeyOf(this.options.service, entry[0]) === routingKey) return entry
    throw ownError('MethodNotFound', routingKey.slice(routingKey.lastIndexOf('.') + 1))
  }

  /** Settles when the broker has the reply. */
  private async reply({ properties }: ConsumeMessage, body: Buffer, leaving: AbortSignal): Promise<void> {
    const { replyTo, correlationId } = properties as { replyTo?: string; correlationId?: string }
    if (replyTo === undefined) return
    const sent = { ...JSON_MESSAGE, ...(correlationId !== undefined && { correlationId }) }
    for (;;) {
      const channel = await this.replies!.open(leaving)
      try {
        return await confirmed((done) => channel.publish(this.options.exchange, replyTo, body, sent, done))
      } catch (error) {
        this.options.host.logger.debug(`a reply was not taken, and is sent again: ${mask(messageOf(error))}`)
        await pause(AGAIN_MS, leaving)
      }
    }
  }

  private tell(routingKey: string, error: unknown): void {
    const { logger } = this.options.host
    const text = `the call ${routingKey} failed: ${mask(messageOf(error))}`
    // The app has chosen what its caller sees, or the caller was wrong.
    if (error instanceof NamekoRemoteError) logger.debug(text)
    else logger.error(text)
  }
}

function confirmed(publish: (done: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => publish((error) => (error ? reject(error as Error) : resolve())))
}

/** A channel that has been lost throws. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch {
    // The broker has forgotten what was delivered by it.
  }
}
