import { connect } from 'amqplib'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { rabbitmqPrograms, startRabbitmq } from './servers/rabbitmq.js'
import { cannotBeHad } from './support/on-server.js'
import { missingOf } from './support/setup.js'

const missing = await rabbitmqPrograms().then(() => undefined, missingOf)

describe('RabbitMQ for tests', () => {
  if (missing) return cannotBeHad(missing)

  test(
    'keeps its port and its durable messages over a kill and over a shutdown, and does what an operator does',
    { timeout: 240_000 },
    async () => {
      const rabbitmq = await startRabbitmq()
      onTestFinished(() => rabbitmq.stop())
      const first = await connect(rabbitmq.url)
      first.on('error', () => {})
      const channel = await first.createConfirmChannel()
      channel.on('error', () => {})
      await channel.assertQueue('kept', { durable: true })
      channel.sendToQueue('kept', Buffer.from('one'), { persistent: true })
      await channel.waitForConfirms()
      const held = { name: 'kept', messages: 1, unacknowledged: 0, consumers: 0 }
      expect(await rabbitmq.queues()).toEqual([held])

      const closed = once(first, 'close')
      expect(await rabbitmq.closeConnections()).toBe(1)
      expect(String(await closed)).toContain('CONNECTION_FORCED')

      await rabbitmq.kill()
      await expect(connect(rabbitmq.url)).rejects.toThrow('ECONNREFUSED')
      await rabbitmq.start()
      expect(await rabbitmq.queues()).toEqual([held])
      await rabbitmq.shutdown()
      await rabbitmq.start()
      expect(await rabbitmq.queues()).toEqual([held])

      await rabbitmq.changePassword('guest', 'new "one"')
      await expect(connect(rabbitmq.url)).rejects.toThrow('403')
      await rabbitmq.addUser('other', 'pass')
      await rabbitmq.addVhost('orders')
      const second = await connect({ port: rabbitmq.port, username: 'guest', password: 'new "one"', vhost: 'orders' })
      const third = await connect({ port: rabbitmq.port, username: 'other', password: 'pass' })
      const blocked = once(third, 'blocked')
      await rabbitmq.setMemoryWatermark(0)
      const publisher = await third.createChannel()
      publisher.sendToQueue('kept', Buffer.from('two'))
      expect(await blocked).toEqual(['low on memory'])
      const unblocked = once(third, 'unblocked')
      await rabbitmq.setMemoryWatermark(0.4)
      await unblocked
      await rabbitmq.deleteQueue('kept')
      expect(await rabbitmq.queues()).toEqual([])
      await Promise.all([second.close(), third.close()])
    },
  )
})
