/** What carries events between services. The bus knows no more of RabbitMQ, or of the memory of one process, than this. */

/** The service that emits an event, and what happened there. On the wire: exchange `{source}.events`, routing key `type`, as Nameko has it. */
export interface Topic {
  readonly source: string
  readonly type: string
}

/** An event as it is carried. */
export interface Message {
  readonly body: Buffer
  /** Such as `application/json`. */
  readonly contentType: string
  /** The same in each delivery: by it a handler knows an event that it has seen. `undefined` where another client set none. */
  readonly messageId: string | undefined
  readonly timestamp: Date | undefined
  /** Names in the spelling of the sender. Values of other clients can be lists and tables. */
  readonly headers: Readonly<Record<string, unknown>>
}

/** Which handlers share an event: each service one of its instances (`pool`), one of all services (`singleton`), every instance (`broadcast`). */
export type EventMode = 'pool' | 'singleton' | 'broadcast'

/** A queue that holds the events of one topic for its handlers. */
export interface QueueOfTopic extends Topic {
  /** As Nameko names it: `evt-{source}-{type}--{service}.{handler}` for `pool`. */
  readonly name: string
  /** A queue of `broadcast` lives as long as its one consumer; others outlive all of theirs. */
  readonly mode: EventMode
  /** Name of the queue for events that are given up. That of `broadcast` is the same for all instances of the service. */
  readonly deadLetters: string
}

/** An event that was delivered. Exactly one of its methods is called, once. After the connection is lost they do nothing: the broker delivers it again. */
export interface Delivery {
  readonly message: Message
  /** 1 for the first; more after `retry`. */
  readonly attempt: number
  /** It may have been delivered before, without an end. */
  readonly redelivered: boolean
  /** It is done. */
  accept(): void
  /** It comes again after this time, with the next `attempt`, to any consumer of the queue. If it rejects, `release` follows. */
  retry(delayMs: number): Promise<void>
  /** It goes to the dead letters of the queue, for a person to look at. If it rejects, `release` follows. */
  bury(reason: string): Promise<void>
  /** It goes back to the queue, with the same `attempt`: another consumer gets it. */
  release(): void
}

/** Takes the events of a queue. It goes on by itself after the connection was lost. */
export interface Consumer {
  /** Settles when it is at work for the first time. */
  readonly ready: Promise<void>
  /** How many deliveries may be without an end; those that are in hand then are not counted. */
  setPrefetch(prefetch: number): void
  /** No further delivery comes; those that are not ended stay valid. */
  cancel(): Promise<void>
}

export interface BrokerStatus {
  /** Without user and password. */
  readonly url: string
  readonly connected: boolean
  /** Why it is not connected; secrets are masked. */
  readonly lastError: string | undefined
}

/** How long a publish may take. */
export interface PublishLimit {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export interface Broker {
  /**
   * Settles when the broker has taken the event into its care. Waits for the connection until the time is over or the signal aborts, and
   * rejects then, in the second case with its reason.
   */
  publish(topic: Topic, message: Message, limit: PublishLimit): Promise<void>
  /** @param prefetch how many deliveries may be without an end at the same time */
  consume(queue: QueueOfTopic, prefetch: number, onDelivery: (delivery: Delivery) => void): Consumer
  status(): BrokerStatus
  /** Ends the connection. What is not accepted goes back to its queue. */
  close(): Promise<void>
}
