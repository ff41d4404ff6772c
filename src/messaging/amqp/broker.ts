import type { Logger } from '../../logger.js'
import type { Broker } from '../broker.js'
import type { AmqpConnection } from './connection.js'
import { AmqpConsumer } from './consumer.js'
import { propertiesOf } from './message.js'
import { Publisher } from './publisher.js'
import { exchangeName } from '../names.js'
import { exchangeOf } from './queues.js'

export interface AmqpBrokerOptions {
  /** It stays open when the broker is closed: others use it too. */
  readonly connection: AmqpConnection
  readonly logger: Logger
}

/** Events over RabbitMQ, by the names of Nameko. */
export function createAmqpBroker({ connection, logger }: AmqpBrokerOptions): Broker {
  const publisher = new Publisher(connection.publishing)
  const consumers = new Set<AmqpConsumer>()
  return {
    publish(topic, message, limit) {
      const out = {
        exchange: exchangeName(topic.source),
        routingKey: topic.type,
        body: message.body,
        options: propertiesOf(message),
        needs: exchangeOf(topic.source),
      }
      return publisher.send(out, limit)
    },
    consume(queue, prefetch, onDelivery) {
      const link = connection.consuming
      const consumer = new AmqpConsumer({ queue, prefetch, link, logger, onDelivery, publisher: () => publisher })
      consumers.add(consumer)
      return consumer
    },
    status: () => connection.status(),
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close()))
      consumers.clear()
      await publisher.close()
    },
  }
}
