import { codeOrNameOf, messageOf, SidecarError } from '../errors.js'
import { pause } from '../util/deadline.js'
import { errorText } from '../util/error-text.js'
import { printable } from '../util/printable.js'
import { issuesText } from '../util/standard-schema.js'
import type { Broker, Consumer, Delivery, Message, QueueOfTopic } from './broker.js'
import type { EventCodec } from './codec.js'
import { UnrecoverableError, type EventHandler, type EventHandlerStatus } from './event.js'
import { HandledEvent, HandlerStart, Running } from './event-in-hand.js'
import type { SidecarHost } from './host.js'
import { tooLarge } from './largest-body.js'
import { namekoContextOf, runAsNamekoCall } from './nameko-context.js'
import { delayAfter, type HandlerRules } from './rules.js'
import { eventSettings } from './settings.js'

export interface HandlerParts {
  readonly host: SidecarHost
  broker(): Broker
  readonly codec: EventCodec
  /** Of a body. */
  readonly maxBytes: number
  readonly queue: QueueOfTopic
  readonly rules: HandlerRules
  readonly handle: EventHandler
}

/** A handler that stopped waiting for its work: the work may end within this time after its signal has aborted. */
const ABORT_GRACE_MS = 100
/** A broker that does not take a retry or a dead letter gets the event back after this pause, or it would come again at once. */
const RELEASE_PAUSE_MS = 1_000

/** One handler: it takes the events of its queue, and ends each delivery exactly once. */
export class QueueHandler {
  readonly ready: Promise<void>
  private onReady: (from: Promise<void>) => void = () => {}
  private consumer: Consumer | undefined
  private stopped = false
  private readonly running = new Set<Running>()
  private onIdle: (() => void)[] = []
  private readonly counts = { handled: 0, failed: 0, retried: 0, buried: 0 }
  private lastError: string | undefined
  private readonly name: string

  constructor(private readonly parts: HandlerParts) {
    const { source, type } = parts.queue
    this.name = `${source} ${type}`
    this.ready = new Promise((resolve) => (this.onReady = resolve))
    this.ready.catch(() => {})
  }

  get busy(): boolean {
    return this.running.size > 0
  }

  private get concurrency(): number {
    return this.parts.rules.concurrency ?? eventSettings(this.parts.host).concurrency
  }

  start(): void {
    if (this.consumer !== undefined || this.stopped) return
    const { host, queue, rules, broker } = this.parts
    if (host.mayStart?.({ ...queue, handler: rules.handler }) === false) return this.onReady(Promise.resolve())
    this.consumer = broker().consume(queue, this.concurrency, (delivery) => this.take(delivery))
    this.onReady(this.consumer.ready)
  }

  /** The settings have changed. */
  follow(): void {
    this.consumer?.setPrefetch(this.concurrency)
  }

  /** No further event is taken. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.consumer?.cancel()
  }

  /** Settles when nothing is in hand; what is left when the signal aborts is aborted, and goes back. */
  async finish(signal: AbortSignal): Promise<void> {
    const abort = () => {
      const reason = new SidecarError('SIDECAR_STOPPED', `the process leaves before the event ${this.name} is handled`)
      const running = [...this.running]
      for (const one of running) one.abort(reason)
      const giveUp = () => running.forEach((one) => this.giveUp(one))
      setTimeout(giveUp, ABORT_GRACE_MS).unref()
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      while (this.running.size > 0) await new Promise<void>((resolve) => this.onIdle.push(resolve))
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  status(): EventHandlerStatus {
    const { queue, rules } = this.parts
    return {
      ...{ source: queue.source, type: queue.type, mode: queue.mode, handler: rules.handler, queue: queue.name },
      ...{ concurrency: this.concurrency, inHand: this.running.size, ...this.counts, lastError: this.lastError },
    }
  }

  private take(delivery: Delivery): void {
    // It was on its way when the consumer was cancelled.
    if (this.stopped) return delivery.release()
    const running = new Running(delivery)
    this.running.add(running)
    this.handle(running).then(
      () => this.end(running),
      (error: unknown) => {
        this.parts.host.logger.error(`an event of ${this.name}: ${errorText(error)}`)
        this.end(running)
      },
    )
  }

  private end(running: Running): void {
    if (!this.running.delete(running) || this.running.size > 0) return
    const waiting = this.onIdle
    this.onIdle = []
    for (const resolve of waiting) resolve()
  }

  /** It goes back, and what its handler still does counts no more. */
  private giveUp(running: Running): void {
    if (!running.isAtWork || !this.running.has(running)) return
    running.delivery.release()
    this.end(running)
  }

  private async handle(running: Running): Promise<void> {
    const { delivery } = running
    let data: unknown
    try {
      const read = this.read(delivery.message)
      data = read instanceof Promise ? await read : read
    } catch (error) {
      this.counts.failed++
      return this.fail(running, error)
    }
    running.isAtWork = true
    try {
      await this.operate(data, running)
    } catch (error) {
      if (!this.running.has(running)) return
      running.isAtWork = false
      if (running.isAborted) return delivery.release()
      this.counts.failed++
      return this.fail(running, error)
    }
    if (!this.running.has(running)) return
    this.counts.handled++
    delivery.accept()
  }

  /** @throws UnrecoverableError */
  private read({ body, contentType }: Message): unknown {
    const { codec, maxBytes, rules } = this.parts
    const why = tooLarge('the event', body, maxBytes)
    if (why !== undefined) throw new UnrecoverableError(why)
    let data: unknown
    try {
      data = codec.decode(body, contentType)
    } catch (error) {
      throw new UnrecoverableError(`its body is not ${contentType || codec.contentType}: ${messageOf(error)}`)
    }
    return rules.schema === undefined ? data : validated(data, rules.schema)
  }

  private operate(data: unknown, running: Running): Promise<void> {
    const { host, queue, rules, handle } = this.parts
    const { headers } = running.delivery.message
    const start = new HandlerStart(this.name, this.parts, running)
    const call = `${host.settings.application.name}.${rules.handler}`
    return host.work.operate(start, (work) => {
      const event = new HandledEvent(queue, running.delivery, work)
      return runAsNamekoCall(
        () => namekoContextOf(headers),
        call,
        async () => void (await handle(data, event)),
      )
    })
  }

  private async fail({ delivery, signal }: Running, error: unknown): Promise<void> {
    const { host, queue, rules } = this.parts
    const { attempt, message } = delivery
    const text = errorText(error)
    this.lastError = text
    const retry = rules.retry(eventSettings(host))
    const last = error instanceof UnrecoverableError || attempt >= retry.attempts
    const delayMs = delayAfter(attempt, retry)
    const next = last ? 'it goes to the dead letters' : `it comes again in ${delayMs} ms`
    const line = `an event of ${this.name} failed in attempt ${attempt}, ${next}: ${text}`
    const facts = { queue: queue.name, ...(message.messageId !== undefined && { messageId: message.messageId }) }
    if (last) host.logger.error(line, facts)
    else host.logger.warn(line, facts)
    const { source, type, name } = queue
    const event = { source, type, queue: name, messageId: message.messageId, attempt, error }
    host.emit('eventFailed', last ? { ...event, next: 'dead-letter' } : { ...event, next: 'retry', delayMs })
    try {
      if (last) await delivery.bury(reasonText(text, error))
      else await delivery.retry(delayMs)
      this.counts[last ? 'buried' : 'retried']++
    } catch (refused) {
      host.logger.error(`the broker did not take an event of ${this.name}: ${errorText(refused)}`, facts)
      await pause(RELEASE_PAUSE_MS, signal)
      delivery.release()
    }
  }
}

/** @throws UnrecoverableError */
async function validated(data: unknown, schema: NonNullable<HandlerRules['schema']>): Promise<unknown> {
  let result
  try {
    result = await schema['~standard'].validate(data)
  } catch (error) {
    throw new UnrecoverableError(`its schema failed: ${messageOf(error)}`)
  }
  if (!result.issues) return result.value
  throw new UnrecoverableError(`it does not pass its schema: ${issuesText(result.issues)}`)
}

/** Of one line, for a header of AMQP. */
function reasonText(text: string, error: unknown): string {
  const name = error instanceof UnrecoverableError ? undefined : codeOrNameOf(error)
  return (name === undefined || name === 'Error' ? text : `${printable(name)}: ${text}`).slice(0, 1_000)
}
