import type { Channel } from 'amqplib'
import type { EventMode, QueueOfTopic } from '../broker.js'
import { exchangeName } from '../names.js'
import { PRECONDITION_FAILED, replyCodeOf } from './library.js'
import { reasonOf } from './open-model.js'

/** What must be there before something is sent to it. Declaring it again changes nothing. */
export interface Declaration {
  /** The same for the same. */
  readonly key: string
  /** It has to be declared again after so long: the broker removes what is not used. */
  readonly freshMs: number
  declare(channel: Channel): Promise<unknown>
}

/** A queue of events that wait for their next attempt is removed when none was put there for its delay and so long. */
const UNUSED_RETRY_MS = 300_000
/** Well below: what is in it must never go with it. */
const FRESH_RETRY_MS = 60_000

const exchanges = new Map<string, Declaration>()

/** As Nameko declares it. */
export function exchangeOf(source: string): Declaration {
  const known = exchanges.get(source)
  if (known) return known
  const name = exchangeName(source)
  const declare = (channel: Channel) => channel.assertExchange(name, 'topic', { durable: true })
  const made = { key: name, freshMs: Infinity, declare }
  exchanges.set(source, made)
  return made
}

/** As Nameko declares them: durable, without arguments; limits and the like are for policies of the broker. */
export async function declareQueue(channel: Channel, { name, source, type, mode }: QueueOfTopic): Promise<void> {
  await exchangeOf(source).declare(channel)
  await channel.assertQueue(name, { durable: true, ...LIFE[mode] })
  await channel.bindQueue(name, exchangeName(source), type)
}

const LIVES_ON = { autoDelete: false, exclusive: false }
const LIFE: Readonly<Record<EventMode, object>> = {
  pool: LIVES_ON,
  singleton: LIVES_ON,
  broadcast: { autoDelete: true, exclusive: true },
}

/** Events wait here; after the delay the broker puts them back into the queue. */
export function retryQueueOf(queue: string, delayMs: number): Declaration {
  const key = `${queue}.retry-${delayMs}`
  return {
    key,
    freshMs: FRESH_RETRY_MS,
    declare: (channel) =>
      channel.assertQueue(key, {
        durable: true,
        messageTtl: delayMs,
        expires: delayMs + UNUSED_RETRY_MS,
        ...{ deadLetterExchange: '', deadLetterRoutingKey: queue },
      }),
  }
}

/** Events that were given up stay here until a person takes them. */
export function deadLettersOf(name: string): Declaration {
  return { key: name, freshMs: Infinity, declare: (channel) => channel.assertQueue(name, { durable: true }) }
}

/** Why something could not be declared, and what to do about it. */
export function declarationText(name: string, error: unknown): string {
  const said = reasonOf(error)
  return replyCodeOf(error) === PRECONDITION_FAILED && said.includes('inequivalent arg')
    ? `${name} exists with other arguments than those of Nameko: delete it there, and set limits, expiry and the like by a policy of RabbitMQ: ${said}`
    : `${name}: ${said}`
}
