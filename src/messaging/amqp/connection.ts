import type { Logger } from '../../logger.js'
import { mask } from '../../util/secrets.js'
import type { AmqpSource } from '../amqp-settings.js'
import type { BrokerStatus } from '../broker.js'
import { AmqpLink } from './link.js'
import { reasonOf, urlOf } from './open-model.js'

export interface AmqpConnectionOptions extends AmqpSource {
  /** Of the service: the broker's own pages show it. */
  readonly name: string
  readonly logger: Logger
  /** It broke, or could not be made. Once for each time it is away. */
  onLost(error: Error): void
  /** It stands; again after `onLost`. */
  onFound(): void
}

/**
 * What a process has of RabbitMQ. Two connections: where the broker is low on memory or disk it stops reading those that publish, and on
 * the same one the acknowledgements of consumers would not be read either.
 */
export interface AmqpConnection {
  /** Opened at once. */
  readonly publishing: AmqpLink
  /** Opened at its first use. */
  readonly consuming: AmqpLink
  status(): BrokerStatus
  close(): Promise<void>
}

export function createAmqpConnection(options: AmqpConnectionOptions): AmqpConnection {
  const { name, logger, read } = options
  let state: 'new' | 'up' | 'away' = 'new'
  /** What was logged last: the same again and again is said once. */
  let said: string | undefined
  let blocked: string | undefined

  const link = (use: string) =>
    new AmqpLink({
      name: `${name} ${use}`,
      read,
      onChange: () => look(),
      onUserError: (error) => logger.error(`RabbitMQ ${url()}: ${mask(reasonOf(error))}`),
    })
  const publishing = link('publishing')
  const consuming = link('consuming')
  const used = () => [publishing, consuming].filter(({ isUsed }) => isUsed)
  const connected = () => used().every(({ model }) => model !== undefined)
  const failure = () => used().find(({ lastError }) => lastError)?.lastError

  function url(): string {
    const open = publishing.url ?? consuming.url
    if (open !== undefined) return open
    try {
      return urlOf(read())
    } catch {
      return 'amqp://?'
    }
  }

  function look(): void {
    block()
    const up = connected()
    const error = failure()
    if (error) {
      const text = mask(reasonOf(error))
      const stays = up
        ? 'does not take the present settings, the old connection stays'
        : 'is not connected, trying again'
      if (said !== text) logger.warn(`RabbitMQ ${url()} ${stays}: ${text}`)
      said = text
    } else if (up) said = undefined
    if (up && state !== 'up') {
      state = 'up'
      logger.info(`Connected to RabbitMQ ${url()}`)
      options.onFound()
    }
    if (!up && error && state !== 'away') {
      state = 'away'
      options.onLost(error)
    }
  }

  function block(): void {
    if (blocked === publishing.blocked) return
    blocked = publishing.blocked
    if (blocked === undefined) logger.info(`RabbitMQ ${url()} takes events again`)
    else logger.warn(`RabbitMQ ${url()} takes no events for now: ${blocked}`)
  }

  const unsubscribe = options.onChange(() => {
    publishing.poke()
    consuming.poke()
  })
  publishing.begin()
  return {
    publishing,
    consuming,
    status() {
      const error = failure()
      const why = error
        ? mask(reasonOf(error))
        : publishing.blocked && `it takes no events for now: ${publishing.blocked}`
      return { url: url(), connected: connected(), lastError: why }
    },
    async close() {
      unsubscribe()
      await Promise.all([consuming.close(), publishing.close()])
    },
  }
}
