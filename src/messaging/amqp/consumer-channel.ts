import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import type { QueueOfTopic } from '../broker.js'
import type { ConsumerParts } from './consumer.js'
import { AmqpDelivery, type DeliveryChannel } from './delivery.js'
import type { Outgoing } from './publisher.js'
import { declareQueue } from './queues.js'

/** A channel with a consumer on it. */
export class ConsumerChannel implements DeliveryChannel {
  readonly queue: QueueOfTopic
  /** No further delivery comes; with an error where that was not asked for. */
  readonly ended: Promise<Error | undefined>
  /** The channel is closed. */
  readonly finished: Promise<void>
  private onEnded: (error?: Error) => void = () => {}
  private onFinished = () => {}
  private readonly abort = new AbortController()
  private channel: Channel | undefined
  /** Of its consumer; of two while one takes the place of the other. */
  private readonly tags = new Set<string>()
  private prefetch: () => number = () => 1
  /** Settles when it has its consumer. */
  private consuming: Promise<void> = Promise.resolve()
  /** Delivery tags of what is in hand, the oldest first. */
  private readonly inHand = new Set<number>()
  /** What was accepted, and is told to the broker in one at the end of this moment. */
  private accepted: ConsumeMessage[] = []
  private stopped = false

  constructor(private readonly parts: ConsumerParts) {
    this.queue = parts.queue
    this.ended = new Promise((resolve) => (this.onEnded = resolve))
    this.finished = new Promise((resolve) => (this.onFinished = resolve))
  }

  get gone(): AbortSignal {
    return this.abort.signal
  }

  async begin(model: ChannelModel, prefetch: () => number): Promise<void> {
    this.prefetch = prefetch
    const channel = await model.createChannel()
    // Ended meanwhile.
    if (this.gone.aborted) return void (await channel.close().catch(() => {}))
    this.channel = channel
    let cause: Error | undefined
    channel.on('error', (error) => (cause = error))
    channel.on('close', () => {
      this.onEnded(cause ?? new Error('the channel was closed'))
      if (!this.gone.aborted) this.lose()
    })
    await declareQueue(channel, this.queue)
    const begun = this.consume(channel)
    this.consuming = begun.catch(() => {})
    await begun
  }

  /** The prefetch has changed: another consumer takes the place of the one that is there. */
  renew(): void {
    const renewed = async () => {
      const [old] = this.tags
      // One that has not begun reads it then.
      if (old === undefined || this.stopped || this.gone.aborted) return
      // In this order: the queue of a broadcast goes with its last consumer.
      await this.consume(this.channel!)
      this.tags.delete(old)
      await this.channel!.cancel(old)
    }
    // The end of the channel tells what broke it.
    this.consuming = this.consuming.then(renewed).catch(() => {})
  }

  /** The broker keeps the prefetch of a consumer: it counts for the next one. */
  private async consume(channel: Channel): Promise<void> {
    await channel.prefetch(this.prefetch())
    const { consumerTag } = await channel.consume(this.queue.name, (raw) => this.take(raw))
    this.tags.add(consumerTag)
    if (this.stopped && !this.gone.aborted) await channel.cancel(consumerTag)
  }

  ack(raw: ConsumeMessage): void {
    if (this.gone.aborted) return
    if (this.accepted.length === 0) process.nextTick(this.tell)
    this.accepted.push(raw)
    this.end(raw)
  }

  requeue(raw: ConsumeMessage): void {
    if (this.gone.aborted) return
    this.channel!.nack(raw, false, true)
    this.end(raw)
  }

  send(out: Outgoing): Promise<void> {
    return this.parts.publisher().send(out, { signal: this.gone })
  }

  /** No further delivery; it ends when the last of those in hand has. */
  async cancel(): Promise<void> {
    if (this.stopped) return
    this.stopped = true
    this.onEnded()
    if (!this.gone.aborted) await Promise.allSettled([...this.tags].map((tag) => this.channel!.cancel(tag)))
    if (this.inHand.size === 0) await this.close()
  }

  /** What is in hand goes back, once what was ended has reached the broker. */
  async close(): Promise<void> {
    this.stopped = true
    this.onEnded()
    if (this.gone.aborted) return this.finished
    this.tell()
    this.abort.abort(new Error('the channel is closed'))
    // An acknowledgement is behind in the channel's own buffer: the connection must not be closed before.
    await this.channel?.close().catch(() => {})
    this.onFinished()
  }

  lose(): void {
    this.onEnded()
    this.abort.abort(new Error('the connection to the broker is lost'))
    this.onFinished()
  }

  private take(raw: ConsumeMessage | null): void {
    if (raw === null) return this.onCancelled()
    this.inHand.add(raw.fields.deliveryTag)
    // It was on its way.
    if (this.stopped) return this.requeue(raw)
    this.parts.onDelivery(new AmqpDelivery(raw, this))
  }

  /** The queue was deleted, or its node is gone. */
  private onCancelled(): void {
    this.tags.clear()
    this.onEnded(new Error('the broker has cancelled the consumer: was the queue deleted?'))
    void this.cancel()
  }

  private end({ fields }: ConsumeMessage): void {
    this.inHand.delete(fields.deliveryTag)
    if (this.inHand.size === 0 && this.stopped) void this.close()
  }

  /** One frame for all that are older than what is in hand. */
  private readonly tell = () => {
    const { accepted } = this
    if (accepted.length === 0 || this.gone.aborted) return
    this.accepted = []
    const [oldest = Infinity] = this.inHand
    let last: ConsumeMessage | undefined
    let count = 0
    for (const raw of accepted) {
      const { deliveryTag } = raw.fields
      if (deliveryTag > oldest) this.channel!.ack(raw)
      else {
        count++
        if (last === undefined || deliveryTag > last.fields.deliveryTag) last = raw
      }
    }
    if (last !== undefined) this.channel!.ack(last, count > 1)
  }
}
