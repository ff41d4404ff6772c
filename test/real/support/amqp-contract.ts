import { connect, type ChannelModel, type GetMessage } from 'amqplib'
import type { ContractBroker } from '../../support/event-contract.js'
import type { FaultProxy } from '../../support/fault-proxy.js'
import type { Rabbitmq } from '../servers/rabbitmq.js'

/** What the contract asks of a real RabbitMQ; the sidecars reach it by way of the proxy. */
export function amqpContractBroker(rabbitmq: Rabbitmq, proxy: FaultProxy): ContractBroker {
  return {
    url: `amqp://guest:guest@127.0.0.1:${proxy.port}`,
    async waiting(queue) {
      const found = (await rabbitmq.queues()).find(({ name }) => name === queue)
      return found ? found.messages - found.unacknowledged : 0
    },
    async deadLetters(queue) {
      // That of broadcast has no id of an instance.
      const name = `${queue.replace(/-[\da-f]{32}$/, '')}.dead`
      if (!(await rabbitmq.queues()).some((one) => one.name === name)) return []
      return onConnection(rabbitmq, async (model) => {
        const channel = await model.createChannel()
        const letters: GetMessage[] = []
        for (;;) {
          const letter = await channel.get(name)
          if (letter === false) break
          letters.push(letter)
        }
        return letters.map(({ content, properties }) => ({
          messageId: properties.messageId as string | undefined,
          body: content.toString(),
          reason: String(properties.headers?.['x-exception-message']),
        }))
      })
    },
    send: (source, type, { body, ...options }) =>
      onConnection(rabbitmq, async (model) => {
        const channel = await model.createConfirmChannel()
        channel.publish(`${source}.events`, type, body, options)
        await channel.waitForConfirms()
      }),
    async cut() {
      proxy.resetAll()
    },
    async down() {
      await proxy.set('refuse')
      return () => proxy.set('pass')
    },
  }
}

/** A client of its own; what it has not accepted goes back when it closes. */
export async function onConnection<T>(rabbitmq: Rabbitmq, work: (model: ChannelModel) => Promise<T>): Promise<T> {
  const model = await connect(rabbitmq.url)
  try {
    return await work(model)
  } finally {
    await model.close()
  }
}
