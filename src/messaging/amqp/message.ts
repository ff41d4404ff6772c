import type { ConsumeMessage, Options } from 'amqplib'
import type { Message } from '../broker.js'
import { writableHeaders } from './header-table.js'

/** Which attempt this is, where it is not the first. */
const ATTEMPT = 'x-sidecar-attempt'
/** What the broker writes where a queue gives a message to another. */
const OF_BROKER = /^x-(?:death|first-death-\w+|last-death-\w+)$/
/** As `RepublishMessageRecoverer` of Spring writes them. */
const REASON = 'x-exception-message'
const ORIGINAL_EXCHANGE = 'x-original-exchange'
const ORIGINAL_KEY = 'x-original-routingKey'

/** Of a `Date`. */
const LAST_SECOND = 8_640_000_000_000

const NO_HEADERS: Readonly<Record<string, unknown>> = Object.freeze({})

/** A message as the broker delivered it. */
export class AmqpMessage implements Message {
  constructor(private readonly raw: ConsumeMessage) {}

  get body(): Buffer {
    return this.raw.content
  }

  get contentType(): string {
    const { contentType } = this.raw.properties as { readonly contentType: unknown }
    return typeof contentType === 'string' ? contentType : ''
  }

  get messageId(): string | undefined {
    return textOf(this.raw.properties.messageId)
  }

  get timestamp(): Date | undefined {
    const { timestamp } = this.raw.properties as { readonly timestamp: unknown }
    return typeof timestamp === 'number' && timestamp <= LAST_SECOND ? new Date(timestamp * 1_000) : undefined
  }

  get headers(): Readonly<Record<string, unknown>> {
    const { headers } = this.raw.properties
    if (headers === undefined) return NO_HEADERS
    return ATTEMPT in headers ? headersToKeep(headers) : headers
  }

  get attempt(): number {
    const attempt: unknown = this.raw.properties.headers?.[ATTEMPT]
    return typeof attempt === 'number' && Number.isInteger(attempt) && attempt > 0 ? attempt : 1
  }
}

/** As Nameko sends it, with an id and a time. */
export function propertiesOf({ contentType, messageId, timestamp, headers }: Message): Options.Publish {
  return {
    contentType,
    ...(contentType === 'application/json' && { contentEncoding: 'utf-8' }),
    ...{ messageId, headers, deliveryMode: 2, priority: 0 },
    ...(timestamp && { timestamp: Math.floor(timestamp.getTime() / 1_000) }),
  }
}

/** The same message again, for a queue where it waits for its next attempt. */
export function retryProperties(raw: ConsumeMessage, attempt: number): Options.Publish {
  return copied(raw, { [ATTEMPT]: attempt })
}

/** The same message, for the dead letters: moved back from there, it begins with its first attempt. */
export function deadProperties(raw: ConsumeMessage, reason: string, exchange: string, key: string): Options.Publish {
  return copied(raw, { [REASON]: reason, [ORIGINAL_EXCHANGE]: exchange, [ORIGINAL_KEY]: key })
}

function copied({ properties }: ConsumeMessage, headers: object): Options.Publish {
  const { contentType, contentEncoding, correlationId, replyTo, messageId, timestamp, type, appId, priority } =
    properties
  return {
    ...({
      contentType,
      contentEncoding,
      correlationId,
      replyTo,
      messageId,
      ...(typeof timestamp === 'number' && timestamp < 2 ** 64 && { timestamp }),
      type,
      appId,
      priority,
    } as object),
    ...{
      deliveryMode: 2,
      mandatory: true,
      headers: { ...writableHeaders(headersToKeep(properties.headers ?? {})), ...headers },
    },
  }
}

function headersToKeep(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name !== ATTEMPT && name !== REASON && !OF_BROKER.test(name)),
  )
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
