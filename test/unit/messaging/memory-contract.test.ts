import { memoryQueues } from '../../../src/messaging/memory/queues.js'
import { eventContract } from '../../support/event-contract.js'

const queues = memoryQueues('contract')

eventContract('memory', () => ({
  url: 'memory:contract',
  waiting: async (queue) => queues.status().find(({ name }) => name === queue)?.ready ?? 0,
  deadLetters: async (queue) =>
    queues
      .deadLetters(queue)
      .map(({ message, reason }) => ({ messageId: message.messageId, body: message.body.toString(), reason })),
  async send(source, type, { body, contentType, headers = {} }) {
    const rest = { messageId: undefined, timestamp: undefined, headers: headers as Record<string, unknown> }
    queues.publish({ source, type }, { body, contentType, ...rest })
  },
  async cut() {
    queues.disconnect()
    queues.connect()
  },
  async down() {
    queues.disconnect()
    return async () => queues.connect()
  },
}))
