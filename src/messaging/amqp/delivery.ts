import type { ConsumeMessage } from 'amqplib'
import type { Delivery, QueueOfTopic } from '../broker.js'
import { AmqpMessage, deadProperties, retryProperties } from './message.js'
import type { Outgoing } from './publisher.js'
import { exchangeName } from '../names.js'
import { deadLettersOf, retryQueueOf } from './queues.js'

/** What a delivery needs of the channel that it came from. */
export interface DeliveryChannel {
  readonly queue: QueueOfTopic
  /** Aborts when the channel is gone: then the broker delivers again what was not ended. */
  readonly gone: AbortSignal
  ack(raw: ConsumeMessage): void
  requeue(raw: ConsumeMessage): void
  send(out: Outgoing): Promise<void>
}

export class AmqpDelivery implements Delivery {
  readonly message: AmqpMessage
  private ended = false

  constructor(
    private readonly raw: ConsumeMessage,
    private readonly channel: DeliveryChannel,
  ) {
    this.message = new AmqpMessage(raw)
  }

  get attempt(): number {
    return this.message.attempt
  }

  get redelivered(): boolean {
    return this.raw.fields.redelivered
  }

  accept(): void {
    if (this.end()) this.channel.ack(this.raw)
  }

  release(): void {
    if (this.end()) this.channel.requeue(this.raw)
  }

  async retry(delayMs: number): Promise<void> {
    const { name } = this.channel.queue
    const needs = retryQueueOf(name, Math.max(0, Math.round(delayMs)))
    await this.move({ needs, options: retryProperties(this.raw, this.attempt + 1) })
  }

  async bury(reason: string): Promise<void> {
    const { source, type, deadLetters } = this.channel.queue
    const options = deadProperties(this.raw, reason, exchangeName(source), type)
    await this.move({ needs: deadLettersOf(deadLetters), options })
  }

  /** Into another queue: the broker has it there before it is accepted here. */
  private async move({ needs, options }: Pick<Outgoing, 'needs' | 'options'>): Promise<void> {
    const { gone } = this.channel
    if (this.ended || gone.aborted) return
    const out = { exchange: '', routingKey: needs.key, body: this.raw.content, needs, options }
    try {
      await this.channel.send(out)
    } catch (error) {
      if (gone.aborted) return
      throw error
    }
    this.accept()
  }

  private end(): boolean {
    const first = !this.ended
    this.ended = true
    return first
  }
}
