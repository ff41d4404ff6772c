import type { Channel, ChannelModel, ConfirmChannel, Message as Returned, Options } from 'amqplib'
import { SidecarError } from '../../errors.js'
import { offAbort, onAbort, type AbortListener } from '../../util/abort-listeners.js'
import { NOT_QUEUED, timerQueue, type QueuedTimer } from '../../util/timer-queue.js'
import { mask } from '../../util/secrets.js'
import type { PublishLimit } from '../broker.js'
import type { AmqpLink, AmqpLinkUser } from './link.js'
import { ACCESS_REFUSED, replyCodeOf } from './library.js'
import { reasonOf } from './open-model.js'
import { declarationText, type Declaration } from './queues.js'

/** One that the broker refuses so often, each time by an end of the channel, is given up. */
const MAX_ENDS = 3

export interface Outgoing {
  /** `''` for a queue by its name. */
  readonly exchange: string
  readonly routingKey: string
  readonly body: Buffer
  readonly options: Options.Publish
  readonly needs: Declaration
}

/** A message on its way, until the broker confirms it. */
class Sending implements AbortListener, QueuedTimer {
  dueAt = NOT_QUEUED
  earlier: QueuedTimer | undefined
  later: QueuedTimer | undefined
  /** How often the channel ended under it. */
  ends = 0
  /** The broker found no queue for it. */
  returned = false

  constructor(
    readonly out: Outgoing,
    readonly publisher: Publisher,
    private readonly limit: Partial<PublishLimit>,
    readonly resolve: () => void,
    readonly reject: (error: unknown) => void,
  ) {}

  begin(): void {
    const { timeoutMs, signal } = this.limit
    if (timeoutMs !== undefined) timerQueue(timeoutMs).start(this)
    if (signal) onAbort(signal, this)
  }

  end(): void {
    const { timeoutMs, signal } = this.limit
    if (timeoutMs !== undefined) timerQueue(timeoutMs).stop(this)
    if (signal) offAbort(signal, this)
  }

  onTimeout(): void {
    this.publisher.settle(this, new Error(`no confirm within ${this.limit.timeoutMs} ms`))
  }

  onAbort(reason: unknown): void {
    this.publisher.settle(this, reason)
  }
}

/** Sends with confirms. What the connection breaks under is sent again: it may arrive twice, and is never lost. */
export class Publisher implements AmqpLinkUser {
  private channel: ConfirmChannel | undefined
  private waiting = new Set<Sending>()
  private readonly inFlight = new Set<Sending>()
  /** Unconfirmed ones of a channel that is ending. */
  private again: Sending[] = []
  /** Until when each is known to be there. */
  private readonly declared = new Map<string, number>()
  private readonly declaring = new Map<string, Promise<void>>()
  private readonly detach: () => void
  private blocked = false
  private ended: Error | undefined
  private closed = false

  constructor(private readonly link: AmqpLink) {
    this.blocked = link.blocked !== undefined
    this.detach = link.attach(this)
  }

  send(out: Outgoing, limit: Partial<PublishLimit>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(closedError())
      if (limit.signal?.aborted) return reject(limit.signal.reason as Error)
      const sending = new Sending(out, this, limit, resolve, reject)
      sending.begin()
      if (this.channel !== undefined && this.isFresh(out.needs) && !this.blocked) return this.dispatch(sending)
      this.waiting.add(sending)
      this.pump()
    })
  }

  async onConnected(model: ChannelModel): Promise<void> {
    this.declared.clear()
    this.declaring.clear()
    const channel = await model.createConfirmChannel()
    if (this.link.model !== model || this.closed) return void (await channel.close().catch(() => {}))
    this.ended = undefined
    channel.on('error', (error) => (this.ended = error))
    channel.on('return', (message) => this.onReturned(message))
    channel.on('close', () => this.onEnded(channel, model))
    this.channel = channel
    this.pump()
  }

  onLost(): void {
    this.channel = undefined
    this.blocked = false
  }

  /** What is unconfirmed on the old one is confirmed there. */
  async onReplaced(): Promise<void> {
    const { channel } = this
    this.channel = undefined
    this.blocked = false
    await channel?.waitForConfirms().catch(() => {})
    await channel?.close().catch(() => {})
  }

  onBlocked(reason: string | undefined): void {
    this.blocked = reason !== undefined
    this.pump()
  }

  /** The first end counts. */
  settle(sending: Sending, error?: unknown): void {
    sending.end()
    if (!this.inFlight.delete(sending) && !this.waiting.delete(sending) && this.again.length > 0)
      this.again = this.again.filter((one) => one !== sending)
    if (error === undefined) sending.resolve()
    else sending.reject(error)
  }

  async close(): Promise<void> {
    this.closed = true
    this.detach()
    const { channel } = this
    this.channel = undefined
    for (const sending of [...this.waiting, ...this.inFlight]) this.settle(sending, closedError())
    await channel?.close().catch(() => {})
  }

  private isFresh({ key }: Declaration): boolean {
    const until = this.declared.get(key)
    return until !== undefined && (until === Infinity || performance.now() < until)
  }

  private pump(): void {
    for (const sending of this.waiting) {
      if (this.channel === undefined || this.blocked) return
      if (!this.isFresh(sending.out.needs)) {
        void this.declare(sending.out.needs)
        continue
      }
      this.waiting.delete(sending)
      this.dispatch(sending)
    }
  }

  private dispatch(sending: Sending): void {
    const { exchange, routingKey, body, options } = sending.out
    const channel = this.channel!
    this.inFlight.add(sending)
    try {
      channel.publish(exchange, routingKey, body, options, (error: Error | null) => this.onConfirm(sending, error))
    } catch (error) {
      if (channel === this.channel && (error as Error).name === 'IllegalOperationError') {
        // It ends at this moment.
        this.inFlight.delete(sending)
        this.waiting.add(sending)
      } else this.settle(sending, error)
    }
  }

  private onConfirm(sending: Sending, error: Error | null): void {
    if (error === null) {
      if (!sending.returned) return this.settle(sending)
      const { key } = sending.out.needs
      return this.settle(sending, new SidecarError('SIDECAR_EVENT_NOT_SENT', `${key}: the broker has no such queue`))
    }
    // Given up meanwhile.
    if (!this.inFlight.has(sending)) return
    if (error.message === 'message nacked') {
      return this.settle(
        sending,
        new SidecarError('SIDECAR_EVENT_NOT_SENT', 'the broker refused it: a queue may be full'),
      )
    }
    const { ended } = this
    if (ended && this.isToBlame(sending, ended)) return this.settle(sending, refused(ended))
    this.inFlight.delete(sending)
    this.again.push(sending)
  }

  /** The channel ended by an error of its own, while the connection stands. */
  private isToBlame(sending: Sending, error: Error): boolean {
    if (++sending.ends >= MAX_ENDS) return true
    return replyCodeOf(error) === ACCESS_REFUSED && error.message.includes(`exchange '${sending.out.exchange}'`)
  }

  private onEnded(channel: ConfirmChannel, model: ChannelModel): void {
    // They were first.
    this.waiting = new Set([...this.again, ...this.waiting])
    this.again = []
    if (this.channel !== channel) return this.pump()
    this.channel = undefined
    // An exchange may have been deleted.
    this.declared.clear()
    // The link reports what goes wrong with the next connection.
    if (this.ended && this.link.model === model) this.onConnected(model).catch(() => {})
  }

  private onReturned({ fields }: Returned): void {
    for (const sending of this.inFlight) {
      const { routingKey, options } = sending.out
      if (options.mandatory === true && routingKey === fields.routingKey) sending.returned = true
    }
    this.declared.delete(fields.routingKey)
  }

  private declare(what: Declaration): Promise<void> {
    const { model } = this.link
    const known = this.declaring.get(what.key)
    if (known || !model) return known ?? Promise.resolve()
    const declaring = onOwnChannel(model, (channel) => what.declare(channel))
      .then(
        () => {
          if (this.link.model === model) this.declared.set(what.key, performance.now() + what.freshMs)
        },
        (error: unknown) => {
          // With a connection that broke they wait for the next one.
          if (replyCodeOf(error) === undefined) return
          const text = mask(declarationText(what.key, error))
          const told = new SidecarError('SIDECAR_EVENT_NOT_SENT', text, { cause: error })
          for (const sending of this.waiting) if (sending.out.needs.key === what.key) this.settle(sending, told)
        },
      )
      .finally(() => {
        if (this.declaring.get(what.key) === declaring) this.declaring.delete(what.key)
        this.pump()
      })
    this.declaring.set(what.key, declaring)
    return declaring
  }
}

const closedError = () => new SidecarError('SIDECAR_STOPPED', 'the connection to the broker was closed')

const refused = (error: Error) => new SidecarError('SIDECAR_EVENT_NOT_SENT', mask(reasonOf(error)), { cause: error })

/** An error ends the channel that it happened on. */
export async function onOwnChannel<T>(model: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await model.createChannel()
  channel.on('error', () => {})
  const result = await work(channel)
  await channel.close().catch(() => {})
  return result
}
