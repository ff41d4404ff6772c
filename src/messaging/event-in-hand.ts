import { SidecarError } from '../errors.js'
import { CONSUMER } from '../tracing/span-values.js'
import type { Work, WorkStart } from '../work/work.js'
import type { Delivery, QueueOfTopic } from './broker.js'
import { contextOfHeaders } from './context-headers.js'
import type { EventWork } from './event.js'
import type { HandlerParts } from './handler.js'
import { eventSettings } from './settings.js'
import { MessageSpan } from './span-attributes.js'

/** An event in hand. */
export class Running {
  /** Its handler runs. */
  isAtWork = false
  private controller: AbortController | undefined
  private reason: Error | undefined

  constructor(readonly delivery: Delivery) {}

  get isAborted(): boolean {
    return this.reason !== undefined
  }

  /** Made when it is asked for: a signal costs as much as all else of a small event. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.reason) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  /** The process waits no longer. */
  abort(reason: Error): void {
    this.reason = reason
    this.controller?.abort(reason)
  }
}

/** A class, as an object with a getter of its own costs more than all the rest of a small event. */
export class HandlerStart implements WorkStart {
  readonly kind = 'event'
  readonly messageId: string | undefined
  readonly attempt: number
  readonly context: WorkStart['context']
  readonly timeout: WorkStart['timeout']
  readonly span: MessageSpan

  constructor(
    readonly name: string,
    { host, queue, rules: { timeoutMs: ms } }: HandlerParts,
    private readonly running: Running,
  ) {
    const { message, attempt } = running.delivery
    this.messageId = message.messageId
    this.attempt = attempt
    this.context = contextOfHeaders(host, message.headers, eventSettings(host).forwardToken)
    this.timeout = ms === undefined ? undefined : { ms, error: () => lateError(name, ms) }
    this.span = new MessageSpan(CONSUMER, queue, message, queue.name)
  }

  get signal(): AbortSignal {
    return this.running.signal
  }
}

/** What a handler is given beside the data. */
export class HandledEvent implements EventWork {
  readonly source: string
  readonly type: string
  readonly messageId: string | undefined
  readonly attempt: number
  readonly redelivered: boolean
  readonly timestamp: Date | undefined
  readonly headers: EventWork['headers']
  readonly #work: Work

  constructor({ source, type }: QueueOfTopic, { message, attempt, redelivered }: Delivery, work: Work) {
    this.#work = work
    this.source = source
    this.type = type
    this.messageId = message.messageId
    this.attempt = attempt
    this.redelivered = redelivered
    this.timestamp = message.timestamp
    this.headers = message.headers
  }

  get signal(): AbortSignal {
    return this.#work.signal
  }
}

const lateError = (name: string, ms: number) =>
  new SidecarError('SIDECAR_EVENT_TIMEOUT', `the event ${name} is not handled within ${ms} ms`)
