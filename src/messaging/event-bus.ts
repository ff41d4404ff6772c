import { randomUUID } from 'node:crypto'
import { messageOf, SidecarError } from '../errors.js'
import { traced } from '../observe/traced.js'
import { PRODUCER } from '../tracing/span-values.js'
import { withDeadline } from '../util/deadline.js'
import type { Unsubscribe } from '../types.js'
import { timeoutOf } from '../util/duration.js'
import { isObject } from '../util/is-object.js'
import { errorText } from '../util/error-text.js'
import { isSignal } from '../util/is-signal.js'
import { mask } from '../util/secrets.js'
import { createSubscription } from '../util/subscription.js'
import { textOf } from '../util/text-of.js'
import type { Broker, BrokerStatus, Message, Topic } from './broker.js'
import { encodeBody, JSON_CODEC, type EventCodec } from './codec.js'
import { headersOfContext } from './context-headers.js'
import type { EmitOptions, EventBusStatus, EventHandler, EventSubscription, OnOptions } from './event.js'
import { QueueHandler } from './handler.js'
import type { SidecarHost } from './host.js'
import { largestBody } from './largest-body.js'
import { checkShort, checkTopic, invalid, queueOf } from './names.js'
import { checkUrl, openBroker } from './open-broker.js'
import { readRules } from './rules.js'
import { unlessAborted } from '../util/unless-aborted.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { WorkSource } from '../work/work.js'
import { eventSettings } from './settings.js'
import { MessageSpan } from './span-attributes.js'

/** Options of `events`. */
export interface EventsOptions {
  /**
   * Where events are carried: `amqp://user:password@host:5672/vhost`, or `memory:` for the memory of this process, `memory:name` for
   * another one. @default `sidecar.events.url`, else `spring.rabbitmq`
   */
  readonly url?: string
  /** How data is written and read. @default JSON */
  readonly codec?: EventCodec
  /**
   * The largest body, in bytes: `emit` refuses a larger one, and one that comes goes to the dead letters unread.
   *
   * @default 16 MiB, the limit of RabbitMQ 4
   */
  readonly maxBytes?: number
}

/**
 * Events between services. Each is delivered at least once: a handler whose process dies, or whose connection breaks, before its end is
 * given the event again, so it must bear a second time (`work.messageId` is the same).
 */
export interface EventBus {
  /**
   * Emits an event, and settles when the broker has it. If it rejects, the event may have arrived all the same: send it again with the
   * same `messageId`. It waits for a connection, but for no longer than `timeout`.
   *
   * @param type such as `created`; at most 255 bytes, without `*` and `#`
   * @param data what JSON can write; `null` for none
   * @throws SidecarError `SIDECAR_EVENT_INVALID` for wrong names, options or data; `SIDECAR_EVENT_NOT_SENT` without a confirm of the
   * broker; `SIDECAR_STOPPED` once the clients of the sidecar are closed. Aborted, it rejects with the reason of the signal.
   * @example await bus.emit('created', { id: 7 })
   */
  emit(type: string, data: unknown, options?: EmitOptions): Promise<void>
  /**
   * Handles the events of a service: from the end of the start until the process leaves, when events in hand are awaited as requests
   * are. A handler that returns is done. One that throws gets the event again (`retry`), and then the event goes to the dead letters,
   * a queue of its own.
   *
   * @param source the service that emits them
   * @throws SidecarError `SIDECAR_EVENT_INVALID` for a wrong name or option, and for a queue that has a handler here: give the second
   * one a `name`; `SIDECAR_STOPPED` while leaving
   * @example
   * bus.on('order-service', 'created', async (order, { messageId }) => mails.confirm(order, messageId), {
   *   schema: Order,
   *   retry: { attempts: 5, delay: '1s', factor: 4 },
   * })
   */
  on<T = unknown>(source: string, type: string, handle: EventHandler<T>, options?: OnOptions<T>): EventSubscription
  /** Where it stands. Holds no secret. */
  status(): EventBusStatus
}

const EMIT: OptionNames<EmitOptions> = {
  ...{ source: true, messageId: true, headers: true, contentType: true, signal: true, timeout: true },
}

/** The bus, as the sidecar starts and stops it. */
export class SidecarBus implements EventBus, WorkSource {
  readonly name = 'events'
  private readonly handlers = new Map<string, QueueHandler>()
  /** Those that were ended, and have events in hand. */
  private readonly ending = new Set<QueueHandler>()
  private readonly url: string | undefined
  private opened: Broker | undefined
  private readonly codec: EventCodec
  private readonly maxBytes: number
  private readonly closed = new AbortController()
  private readonly instance = randomUUID().replaceAll('-', '')
  private state: 'waiting' | 'started' | 'stopped' = 'waiting'
  private readonly counts = { emitted: 0, emitFailures: 0 }
  private lastEmitError: string | undefined
  private unfollow: Unsubscribe = () => {}
  /** What says where the broker is was loaded. */
  private isLocated: boolean

  constructor(
    private readonly host: SidecarHost,
    { url, codec = JSON_CODEC, maxBytes }: EventsOptions,
  ) {
    if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function')
      throw invalid('events(sidecar)', 'codec: expected an object with contentType, encode and decode')
    this.codec = codec
    this.maxBytes = largestBody(maxBytes, (why) => invalid('events(sidecar)', why))
    this.url = checkUrl(url)
    this.isLocated = url !== undefined
    // A little later: those that waited go first.
    const located = () => setImmediate(() => (this.isLocated = true)).unref()
    if (!this.isLocated) host.configured.then(located, () => {})
    host.work.add(this)
  }

  async emit(type: string, data: unknown, options: EmitOptions = {}): Promise<void> {
    const where = `bus.emit("${textOf(type).slice(0, 60)}")`
    if (typeof options !== 'object' || options === null) throw invalid(where, 'options are an object')
    refuseUnknown(options, EMIT, (why) => invalid(where, why))
    const topic = checkTopic(where, options.source ?? this.service(where), type)
    if (options.contentType !== undefined) checkShort(where, 'contentType', options.contentType)
    const { body, contentType } = encodeBody(where, data, this.codec, options.contentType, this.maxBytes)
    const messageId = options.messageId === undefined ? randomUUID() : checkShort(where, 'messageId', options.messageId)
    const timeoutMs = this.timeoutOf(where, options)
    checkHeaders(where, options.headers)
    if (options.signal !== undefined && !isSignal(options.signal)) throw invalid(where, 'signal is an AbortSignal')
    if (this.closed.signal.aborted) throw new SidecarError('SIDECAR_STOPPED', `${where}: the sidecar has stopped`)
    options.signal?.throwIfAborted()
    const facts = new MessageSpan(PRODUCER, topic, { messageId, body })
    const send = () => {
      const headers = headersOfContext(this.host, `${topic.source}.emit`, eventSettings(this.host).forwardToken)
      if (options.headers !== undefined) Object.assign(headers, options.headers)
      const message = { body, contentType, messageId, timestamp: new Date(), headers }
      return this.publish(topic, message, timeoutMs, options.signal)
    }
    try {
      await traced(this.host.recorder, `emit ${topic.source} ${topic.type}`, send, {}, 'event', facts)
      this.counts.emitted++
    } catch (error) {
      this.counts.emitFailures++
      this.lastEmitError = errorText(error)
      throw error
    }
  }

  on<T = unknown>(
    source: string,
    type: string,
    handle: EventHandler<T>,
    options: OnOptions<T> = {},
  ): EventSubscription {
    const where = `bus.on("${textOf(source).slice(0, 60)}", "${textOf(type).slice(0, 60)}")`
    const topic = checkTopic(where, source, type)
    if (typeof handle !== 'function') throw invalid(where, `expected a function, got ${typeof handle}`)
    const rules = readRules(where, topic.type, options)
    const { handler } = rules
    const queue = queueOf(where, topic, rules.mode, { service: this.service(where), handler, instance: this.instance })
    if (this.state === 'stopped') throw new SidecarError('SIDECAR_STOPPED', `${where}: the sidecar is leaving`)
    if (this.handlers.has(queue.name)) throw invalid(where, this.takenText(queue.name, rules.mode))
    const { host, codec, maxBytes } = this
    const broker = () => this.broker()
    const own = new QueueHandler({ host, broker, codec, maxBytes, queue, rules, handle: handle as EventHandler })
    this.handlers.set(queue.name, own)
    if (this.state === 'started') own.start()
    const end = createSubscription(() => {
      this.handlers.delete(queue.name)
      this.end(own)
    })
    return Object.assign(end, { ready: own.ready, queue: queue.name })
  }

  status(): EventBusStatus {
    const { lastEmitError } = this
    const handlers = [...this.handlers.values()].map((handler) => handler.status())
    return { broker: this.brokerStatus(), ...this.counts, lastEmitError, handlers }
  }

  /** Opened at the start, or by the first event before: what says where it is may come from Nacos. */
  private broker(): Broker {
    return (this.opened ??= openBroker(this.host, this.url))
  }

  private brokerStatus(): BrokerStatus {
    return this.opened?.status() ?? { url: mask(this.url ?? ''), connected: false, lastError: undefined }
  }

  private takenText(queue: string, mode: string): string {
    return mode === 'singleton'
      ? `the queue ${queue} has a handler in this process, and a singleton has one queue for all`
      : `the queue ${queue} has a handler in this process: give this one a name, { name: '…' }`
  }

  private service(where: string): string {
    const { name } = this.host.settings.application
    if (name) return name
    throw invalid(where, 'the service has no name: set application.name')
  }

  private timeoutOf(where: string, { timeout }: EmitOptions): number {
    return timeoutOf('timeout', timeout, eventSettings(this.host).emitTimeoutMs, (why) => invalid(where, why))
  }

  private async publish(topic: Topic, message: Message, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { closed } = this
    try {
      if (!this.isLocated)
        await withDeadline(timeoutMs, [signal, closed.signal], (over) => unlessAborted(this.host.configured, over), 0)
      await this.broker().publish(topic, message, { timeoutMs, signal })
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (closed.signal.aborted) throw closed.signal.reason
      const { connected, lastError } = this.brokerStatus()
      const why = connected ? messageOf(error) : `not connected${lastError === undefined ? '' : `: ${lastError}`}`
      throw new SidecarError(
        'SIDECAR_EVENT_NOT_SENT',
        `the broker has not confirmed the event ${topic.source} ${topic.type} within ${timeoutMs} ms: ${mask(why)}. It may have arrived: send it again with the same messageId`,
        { cause: error },
      )
    }
  }

  start(): void {
    if (this.state !== 'waiting') return
    this.state = 'started'
    this.broker()
    for (const handler of this.handlers.values()) handler.start()
    const follow = () => this.handlers.forEach((handler) => handler.follow())
    // When the settings themselves have followed.
    this.unfollow = this.host.store.watch(() => queueMicrotask(follow))
  }

  stop(): void {
    this.unfollow()
    this.state = 'stopped'
    for (const handler of this.handlers.values()) this.end(handler)
  }

  private end(handler: QueueHandler): void {
    this.ending.add(handler)
    handler
      .stop()
      .catch((error: unknown) =>
        this.host.logger.warn(`events: a consumer was not cancelled: ${mask(messageOf(error))}`),
      )
      .finally(() => {
        if (!handler.busy) this.ending.delete(handler)
      })
  }

  private all(): Set<QueueHandler> {
    return new Set([...this.handlers.values(), ...this.ending])
  }

  get busy(): boolean {
    return [...this.all()].some(({ busy }) => busy)
  }

  async finish(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.all()].map((handler) => handler.finish(signal)))
  }

  async close(): Promise<void> {
    this.closed.abort(new SidecarError('SIDECAR_STOPPED', 'the sidecar has stopped: it emits no further event'))
    await this.opened?.close()
  }
}

function checkHeaders(where: string, headers: unknown): void {
  if (headers === undefined) return
  if (!isObject(headers)) throw invalid(where, 'headers are an object')
  for (const [name, value] of Object.entries(headers)) {
    if (name === '' || Buffer.byteLength(name) > 255) throw invalid(where, 'the name of a header has 1–255 bytes')
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw invalid(where, `the header ${name} is text, a number or a boolean`)
  }
}
