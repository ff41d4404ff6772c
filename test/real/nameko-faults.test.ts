import { startDevServer, type DevServer } from 'nacos-sidecar/dev-server'
import { currentNamekoCall, namekoRpc, type NamekoRpc } from 'nacos-sidecar/nameko'
import { describe, expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../support/collect.js'
import { gate } from '../support/event-bus.js'
import { besideNameko, holdFile } from './support/beside-nameko.js'
import { followingSidecar } from './support/following-sidecar.js'

interface GreetingService {
  hello(name: string): string
  held(path: string): string
}

/** RabbitMQ takes its time to be back, on a busy machine. */
const WAITS = { timeout: '100s' }
const until = (isSo: () => unknown) => expect.poll(isSo, { interval: 20, timeout: 30_000 })

besideNameko('calls beside Nameko 2.14.1 while RabbitMQ fails', [], (beside) => {
  describe('RabbitMQ is killed, and is back', () => {
    test('in the middle of a call of a service of Nameko: the reply comes', { timeout: 240_000 }, async () => {
      const python = await beside.python(['GreetingService'], '1')
      const greeting = (await beside.node()).nameko.service<GreetingService>('greeting_service', WAITS)
      await greeting.hello('Ada')
      const hold = holdFile()
      const reply = greeting.held(hold.path)
      await beside.workedOn('rpc-greeting_service', 1)
      await beside.rabbitmq.kill()
      // Nameko ends when it cannot reply, and what runs it starts it again.
      await python.kill()
      await beside.rabbitmq.start()
      hold.release()
      await beside.python(['GreetingService'], '2')
      expect(await reply).toBe('2')
      expect(await greeting.hello('Ada')).toBe('Hello, Ada!')
    })

    test(
      'in the middle of a call that Node answers: it comes again, and is answered',
      { timeout: 240_000 },
      async () => {
        const { nameko } = await beside.node()
        const go = gate()
        const came: unknown[] = []
        await nameko.serve({
          slow: async () => {
            came.push(currentNamekoCall()!.redelivered)
            await go.passed
            return 'done'
          },
        }).ready
        const client = await beside.node('client')
        const reply = client.nameko.call('orders', 'slow', WAITS)
        await until(() => came).toEqual([false])
        await beside.workedOn('rpc-orders', 1)
        await beside.rabbitmq.kill()
        await beside.rabbitmq.start()
        await until(() => came).toEqual([false, true])
        go.open()
        expect(await reply).toBe('done')
        await until(() => beside.rabbitmq.queues()).toContainEqual({
          ...{ name: 'rpc-orders', messages: 0, unacknowledged: 0, consumers: 1 },
        })
      },
    )
  })

  describe('a password changes, in RabbitMQ and then in Nacos', () => {
    const connections = () =>
      beside.rabbitmq.evaluate(
        'length([P || P <- rabbit_networking:connections(), [{user, <<"shop">>}] <- [rabbit_networking:connection_info(P, [user])]])',
      )

    /** A service whose RabbitMQ is said in Nacos. */
    async function shop(): Promise<{
      nameko: NamekoRpc
      lines: readonly string[]
      change(password: string): Promise<void>
    }> {
      const registry: DevServer = await startDevServer()
      onTestFinished(() => registry.stop())
      const publish = (password: string) => {
        const rabbit = `{ host: 127.0.0.1, port: ${beside.rabbitmq.port}, username: shop, password: ${password} }`
        registry.configs.publish({ dataId: 'shop.yml', content: `spring: { rabbitmq: ${rabbit} }` })
      }
      publish('first')
      const logger = collectLog()
      const sidecar = followingSidecar(registry, logger)
      await sidecar.ready
      const change = async (password: string) => {
        await beside.rabbitmq.changePassword('shop', password)
        publish(password)
      }
      return { nameko: namekoRpc(sidecar), lines: logger.lines, change }
    }

    test('in the middle of a call of a service of Nameko: the reply comes', async () => {
      await beside.rabbitmq.addUser('shop', 'first')
      await beside.python(['GreetingService'], '1')
      const { nameko, change, lines } = await shop()
      const greeting = nameko.service<GreetingService>('greeting_service', WAITS)
      expect(await greeting.hello('Ada')).toBe('Hello, Ada!')
      const hold = holdFile()
      const reply = greeting.held(hold.path)
      await beside.workedOn('rpc-greeting_service', 1)
      await change('second')
      // Calls that are sent while one connection takes the place of the other.
      const names = Array.from({ length: 50 }, (_, n) => `n${n}`)
      expect(await Promise.all(names.map((name) => greeting.hello(name)))).toEqual(
        names.map((name) => `Hello, ${name}!`),
      )
      hold.release()
      expect(await reply).toBe('1')
      await until(connections).toBe(2)

      // Without connections: the old password is refused until the new one is in Nacos, and the reply waits.
      const lateHold = holdFile()
      const late = greeting.held(lateHold.path)
      await beside.workedOn('rpc-greeting_service', 1)
      await beside.rabbitmq.changePassword('shop', 'third')
      await beside.rabbitmq.closeConnections()
      await until(() => lines.some((line) => line.includes('ACCESS_REFUSED'))).toBe(true)
      lateHold.release()
      await change('third')
      expect(await late).toBe('1')
    })

    test('in the middle of a call that Node answers: it is answered, once', async () => {
      await beside.rabbitmq.changePassword('shop', 'first')
      const { nameko, change } = await shop()
      const go = gate()
      const came: unknown[] = []
      await nameko.serve({
        slow: async (number: number) => {
          came.push(number)
          await go.passed
          return number
        },
        quick: (number: number) => number,
      }).ready
      const orders = (await beside.node('client')).nameko
      const call = (method: string, number: number) => orders.call('shop', method, { args: [number], ...WAITS })
      const replies = [1, 2].map((number) => call('slow', number))
      await until(() => came).toHaveLength(2)
      await beside.workedOn('rpc-shop', 2)
      await change('second')
      await until(connections).toBe(3)
      expect(await call('quick', 3)).toBe(3)
      go.open()
      expect(await Promise.all(replies)).toEqual([1, 2])
      await until(connections).toBe(2)
      expect(came.sort()).toEqual([1, 2])
    })
  })
})
