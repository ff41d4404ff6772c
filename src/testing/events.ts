import { randomUUID } from 'node:crypto'
import { SidecarError } from '../errors.js'
import type { Message } from '../messaging/broker.js'
import { encodeBody, JSON_CODEC } from '../messaging/codec.js'
import type { EmitOptions } from '../messaging/event.js'
import { memoryQueues, type MemoryRecord } from '../messaging/memory/queues.js'
import { checkTopic } from '../messaging/names.js'
import { processState } from '../process-state.js'
import { withDeadline } from '../util/deadline.js'
import { textOf } from '../util/text-of.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'

/** Something that happened to an event between services. */
export interface TestEvent<T = unknown> {
  /**
   * `emitted` by a service under test; `delivered`: a handler is done with it; `failed`: it comes again; `dead`: it went to the dead
   * letters; `released`: it went back, as its handler was stopped.
   */
  readonly what: 'emitted' | 'delivered' | 'failed' | 'dead' | 'released'
  /** The service that emitted it, and its type: `order-service created`. */
  readonly event: string
  readonly data: T
  /** The same in each delivery. */
  readonly messageId: string | undefined
  readonly headers: Readonly<Record<string, unknown>>
  /** Of the handler: `evt-order-service-created--mail.created`; `undefined` for `emitted`. */
  readonly queue: string | undefined
  /** 1 for the first delivery. */
  readonly attempt: number
  /** Why it is `dead`. */
  readonly reason: string | undefined
}

/** Options of `delivered`, `deadLetters` and `emitted`. */
export interface TestWaitOptions {
  /** Only by handlers of this service. @default of all */
  readonly service?: string
  /** In ms. @default 5000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const WAIT: OptionNames<TestWaitOptions> = { service: true, timeoutMs: true, signal: true }

/**
 * Events between the services under test. They go through the memory of this process (`sidecar.events.url` of `registry.settings()`). An
 * event is named by its source and its type, as in figures and in the log: `order-service created`.
 *
 * What a wait has returned, no other one returns: a second `delivered(event)` waits for the next one.
 */
export interface TestEvents {
  /**
   * Emits an event as another service would, once all sidecars under test have started.
   *
   * @param event the emitting service and the type: `order-service created`
   * @throws SidecarError `SIDECAR_EVENT_INVALID`, as `bus.emit` does
   * @example
   * await registry.emit('order-service created', { id: 7 })
   */
  emit(
    event: string,
    data: unknown,
    options?: Pick<EmitOptions, 'messageId' | 'headers' | 'contentType'>,
  ): Promise<void>
  /**
   * Waits until handlers are done with so many events of this kind. Two handlers of one event are two.
   *
   * @throws SidecarError `SIDECAR_TEST_TIMEOUT`; its message says what happened instead. `SIDECAR_TEST_INVALID` for a wrong number
   * @example
   * const [order] = await registry.delivered('order-service created')
   */
  delivered<T = unknown>(event: string, count?: number, options?: TestWaitOptions): Promise<readonly TestEvent<T>[]>
  /**
   * Waits until so many events of this kind have gone to the dead letters.
   *
   * @throws SidecarError `SIDECAR_TEST_TIMEOUT`
   */
  deadLetters<T = unknown>(event: string, count?: number, options?: TestWaitOptions): Promise<readonly TestEvent<T>[]>
  /**
   * Waits until services under test have emitted so many events of this kind, whether there is a handler for them or not.
   *
   * @throws SidecarError `SIDECAR_TEST_TIMEOUT`
   * @example
   * const [{ data }] = await registry.emitted<Order>('order-service created')
   */
  emitted<T = unknown>(
    event: string,
    count?: number,
    options?: Omit<TestWaitOptions, 'service'>,
  ): Promise<readonly TestEvent<T>[]>
  /** All that happened to events, oldest first. */
  readonly eventLog: readonly TestEvent[]
}

export interface OwnedEvents {
  /** `memory:…`, for `sidecar.events.url`. */
  readonly url: string
  readonly events: TestEvents
  close(): void
}

type What = TestEvent['what']

const WHATS: Record<MemoryRecord['kind'], What> = {
  published: 'emitted',
  accepted: 'delivered',
  retried: 'failed',
  buried: 'dead',
  released: 'released',
}
const TIMEOUT_MS = 5_000
const MAX_BYTES = 16 * 1024 * 1024

/**
 * @param name of the memory
 * @param started settles when all sidecars under test have started, or failed to
 */
export function createTestEvents(name: string, started: () => Promise<unknown>): OwnedEvents {
  const queues = memoryQueues(name)
  const eventLog: TestEvent[] = []
  const taken = new WeakSet<TestEvent>()
  const emittedHere = new WeakSet<Message>()
  const unwatch = queues.watch((record) => {
    if (!emittedHere.has(record.message) || record.kind !== 'published') eventLog.push(testEvent(record))
  })

  async function take<T>(
    title: string,
    what: What,
    event: string,
    count = 1,
    options: TestWaitOptions = {},
  ): Promise<readonly TestEvent<T>[]> {
    const where = `${title}("${event}", ${textOf(count)})`
    refuseUnknown(options, WAIT, (why) => new SidecarError('SIDECAR_TEST_INVALID', `${where}: ${why}`))
    const { service, timeoutMs = TIMEOUT_MS, signal } = options
    // Else options in its place would be 0 of 0 events, and the test would show nothing.
    if (!Number.isSafeInteger(count) || count < 1)
      throw new SidecarError(
        'SIDECAR_TEST_INVALID',
        `${where}: the number of events is an integer from 1; options follow it`,
      )
    topicOf(where, event)
    const isWanted = (one: TestEvent) =>
      one.what === what &&
      one.event === event &&
      !taken.has(one) &&
      (service === undefined || serviceOf(one)?.startsWith(`${service}.`) === true)
    const came = () => eventLog.filter(isWanted).slice(0, count)
    const wait = async (over: AbortSignal) => {
      // Another wait may have been quicker.
      while (came().length < count) await queues.until(() => came().length >= count, over)
    }
    try {
      await withDeadline(timeoutMs, [signal], wait, 0)
    } catch (error) {
      signal?.throwIfAborted()
      if (came().length >= count) return taking<T>(came())
      const message = `${where}: ${came().length} of ${count} came within ${timeoutMs} ms. ${seen(event)}`
      throw new SidecarError('SIDECAR_TEST_TIMEOUT', message, { cause: error })
    }
    return taking<T>(came())
  }

  function taking<T>(events: readonly TestEvent[]): readonly TestEvent<T>[] {
    for (const event of events) taken.add(event)
    return events as readonly TestEvent<T>[]
  }

  /** For the message of a wait that was in vain. */
  function seen(event: string): string {
    const counts = new Map<string, number>()
    for (const one of eventLog) {
      const line = `${one.what} ${one.event}${one.queue === undefined ? '' : ` (${one.queue})`}${one.reason === undefined ? '' : `: ${one.reason}`}`
      counts.set(line, (counts.get(line) ?? 0) + 1)
    }
    const happened = [...counts].map(([line, count]) => `${count} × ${line}`).join('; ')
    const { source, type } = topicOf('', event)
    const own = queues.status().filter(({ name: queue }) => queue.startsWith(`evt-${source}-${type}`))
    const where = own.map(
      (queue) => `${queue.name}: ${queue.ready} wait, ${queue.inHand} in hand, ${queue.later} come again`,
    )
    return `What happened: ${happened || 'nothing'}. Its queues: ${where.join('; ') || 'none, no handler takes it'}`
  }

  return {
    url: `memory:${name}`,
    events: {
      async emit(event, data, { messageId = randomUUID(), headers = {}, contentType } = {}) {
        const where = `emit("${event}")`
        const topic = topicOf(where, event)
        const body = encodeBody(where, data, JSON_CODEC, contentType, MAX_BYTES)
        await started()
        const message: Message = { ...body, messageId, timestamp: new Date(), headers }
        emittedHere.add(message)
        queues.publish(topic, message)
      },
      delivered: (...wait) => take('delivered', 'delivered', ...wait),
      deadLetters: (...wait) => take('deadLetters', 'dead', ...wait),
      emitted: (...wait) => take('emitted', 'emitted', ...wait),
      eventLog,
    },
    close() {
      unwatch()
      queues.clear()
      processState().memoryQueues?.delete(name)
    },
  }
}

/** @throws SidecarError `SIDECAR_EVENT_INVALID` */
function topicOf(where: string, event: string) {
  const [, source, type] = /^(\S+) ([^]+)$/.exec(event) ?? []
  return checkTopic(`${where}: an event is 'source type'`, source, type)
}

function testEvent({ kind, source, type, queue, message, attempt, reason }: MemoryRecord): TestEvent {
  const { messageId, headers } = message
  return {
    ...{
      what: WHATS[kind],
      event: `${source} ${type}`,
      data: dataOf(message),
      messageId,
      headers,
      queue,
      attempt,
      reason,
    },
  }
}

/** What is no JSON although it says so is shown as the bytes that it is. */
function dataOf({ body, contentType }: Message): unknown {
  try {
    return JSON_CODEC.decode(body, contentType)
  } catch {
    return body
  }
}

/** `service.handler` of a queue; a singleton's queue belongs to no service. */
function serviceOf({ queue }: TestEvent): string | undefined {
  return queue?.split('--', 2)[1]
}
