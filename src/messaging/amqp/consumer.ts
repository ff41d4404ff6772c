import type { ChannelModel } from 'amqplib'
import type { Logger } from '../../logger.js'
import { backOffMs } from '../../util/backoff.js'
import { pause } from '../../util/deadline.js'
import { mask } from '../../util/secrets.js'
import type { Consumer, Delivery, QueueOfTopic } from '../broker.js'
import { ConsumerChannel } from './consumer-channel.js'
import type { AmqpLink, AmqpLinkUser } from './link.js'
import { RESOURCE_LOCKED, replyCodeOf } from './library.js'
import type { Publisher } from './publisher.js'
import { declarationText } from './queues.js'

export interface ConsumerParts {
  readonly queue: QueueOfTopic
  readonly prefetch: number
  readonly link: AmqpLink
  readonly logger: Logger
  publisher(): Publisher
  onDelivery(delivery: Delivery): void
}

const BACK_OFF = { firstMs: 200, lastMs: 30_000, spread: 0.5 }

/** Takes the events of one queue, on a channel of its own: its prefetch and its errors are not those of another. */
export class AmqpConsumer implements Consumer, AmqpLinkUser {
  readonly ready: Promise<void>
  private onReady = () => {}
  private current: ConsumerChannel | undefined
  private readonly detach: () => void
  private readonly cancelled = new AbortController()
  /** Channels with deliveries that are not ended, the current one too. */
  private readonly open = new Set<ConsumerChannel>()
  private prefetch: number
  private failures = 0
  private said: string | undefined

  constructor(private readonly parts: ConsumerParts) {
    this.prefetch = parts.prefetch
    this.ready = new Promise((resolve) => (this.onReady = resolve))
    this.detach = parts.link.attach(this)
  }

  /** Until the connection is lost, or another one takes its place. */
  async onConnected(model: ChannelModel): Promise<void> {
    const { link, queue, logger } = this.parts
    const wanted = () => link.model === model && !this.cancelled.signal.aborted
    while (wanted()) {
      const channel = new ConsumerChannel(this.parts)
      this.current = channel
      this.open.add(channel)
      void channel.finished.then(() => this.open.delete(channel))
      let error: unknown
      try {
        await channel.begin(model, () => this.prefetch)
        if (!wanted()) return void (await channel.cancel())
        if (this.said !== undefined) logger.info(`RabbitMQ: events are taken from the queue ${queue.name} again`)
        this.failures = 0
        this.said = undefined
        this.onReady()
        error = await channel.ended
        if (error === undefined) return
      } catch (failure) {
        error = failure
        await channel.close()
      }
      if (wanted()) await this.failed(error)
    }
  }

  onLost(): void {
    this.current?.lose()
    this.current = undefined
  }

  async onReplaced(): Promise<void> {
    const { current } = this
    this.current = undefined
    await current?.cancel()
    await current?.finished
  }

  setPrefetch(prefetch: number): void {
    if (prefetch === this.prefetch) return
    this.prefetch = prefetch
    this.current?.renew()
  }

  async cancel(): Promise<void> {
    if (this.cancelled.signal.aborted) return
    this.cancelled.abort()
    this.detach()
    await this.current?.cancel()
  }

  /** What is in hand goes back. */
  async close(): Promise<void> {
    this.cancelled.abort()
    this.detach()
    await Promise.all([...this.open].map((channel) => channel.close()))
  }

  private async failed(error: unknown): Promise<void> {
    const { queue, logger } = this.parts
    const text = mask(declarationText(`the queue ${queue.name}`, error))
    // That of a connection before, which the broker does not yet know to be gone.
    const passing = replyCodeOf(error) === RESOURCE_LOCKED && this.failures === 0
    if (text !== this.said && !passing) {
      logger.warn(`RabbitMQ: no events are taken, trying again: ${text}`)
      this.said = text
    }
    await pause(backOffMs(++this.failures, BACK_OFF), this.cancelled.signal)
  }
}
