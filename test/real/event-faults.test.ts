import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { events } from 'nacos-sidecar/events'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { collectLog } from '../support/collect.js'
import { gate, openBus, recorder, startBus, unique } from '../support/event-bus.js'
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js'
import { tempFolder } from '../support/temp-folder.js'
import { rabbitmqPrograms, startRabbitmq, type Rabbitmq } from './servers/rabbitmq.js'
import { amqpContractBroker, onConnection } from './support/amqp-contract.js'
import { readLedgers, startHandler } from './support/event-processes.js'
import { cannotBeHad } from './support/on-server.js'
import { missingOf } from './support/setup.js'
import { followingSidecar } from './support/following-sidecar.js'

const missing = await rabbitmqPrograms().then(() => undefined, missingOf)
const MINUTE = 60_000
const WAITS = { timeout: 2 * MINUTE }

describe('events over RabbitMQ', () => {
  if (missing) return cannotBeHad(missing)
  let rabbitmq: Rabbitmq
  let proxy: FaultProxy
  let url: string
  beforeAll(async () => {
    rabbitmq = await startRabbitmq()
    proxy = await startFaultProxy({ port: rabbitmq.port })
    url = `amqp://guest:guest@127.0.0.1:${proxy.port}`
  })
  afterAll(async () => {
    await killChildren()
    await proxy.close()
    await rabbitmq.stop()
  })

  const start = (service: string, settings?: object) => startBus(service, { url }, settings)
  const until = (isSo: () => unknown, timeout = 20_000) => expect.poll(isSo, { interval: timeout / 1_000, timeout })
  const deadLetters = (queue: string) => amqpContractBroker(rabbitmq, proxy).deadLetters(queue)
  const queueOf = async (name: string) => (await rabbitmq.queues()).find((one) => one.name === name)

  test(
    'fault 60: without a broker at the start the service serves, an emit waits, and handlers begin when it comes',
    { timeout: 4 * MINUTE },
    async () => {
      const source = unique('orders')
      const before = await start('mails')
      await before.bus.on(source, 'created', () => {}).ready
      await before.sidecar.stop({ drain: false })
      await rabbitmq.kill()

      const app = createServer((_, response) => response.end('served')).listen(0, '127.0.0.1')
      onTestFinished(() => void app.close())
      const { bus, sidecar, lines } = openBus('mails', { url })
      await sidecar.ready
      const got = recorder()
      const { ready } = bus.on(source, 'created', got.handle)
      const emitted = bus.emit('created', 1, { source, ...WAITS })
      await expect(bus.emit('created', 2, { source, timeout: 100 })).rejects.toMatchObject({
        code: 'SIDECAR_EVENT_NOT_SENT',
      })
      const { port } = app.address() as { port: number }
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('served')
      await sleep(1_500)
      expect(sidecar.status().events[0]!.broker).toMatchObject({ connected: false })
      // Several attempts, and one line.
      expect(lines.filter((line) => line.includes('is not connected'))).toHaveLength(1)

      await rabbitmq.start()
      await Promise.all([emitted, ready])
      await got.count(1)
      expect(got.data()).toEqual([1])
      expect(sidecar.status().events[0]!.broker).toMatchObject({ connected: true, lastError: undefined })
    },
  )

  test('fault 61: killed in full flow and back: of 5,000 events none is lost', { timeout: 4 * MINUTE }, async () => {
    const source = unique('orders')
    const [emitter, mails] = await Promise.all([start(source), start('mails')])
    const got = recorder()
    await mails.bus.on(source, 'created', got.handle, { concurrency: 50 }).ready
    const COUNT = 5_000
    let next = 0
    const emitAll = async () => {
      while (next < COUNT) await emitter.bus.emit('created', next++, WAITS)
    }
    const emitting = Promise.all(Array.from({ length: 50 }, emitAll))
    await until(() => got.seen.length).toBeGreaterThan(1_000)
    await rabbitmq.kill()
    await rabbitmq.start()
    await emitting
    await until(() => new Set(got.data()).size, MINUTE).toBe(COUNT)
    console.log(`fault 61: ${got.seen.length - COUNT} of ${COUNT} events came twice`)
  })

  test('fault 62: a connection cut in the middle of a handler: the event comes again, the end of the first harms nothing', async () => {
    const source = unique('orders')
    const { bus, sidecar } = await start(source)
    const go = gate()
    const got = recorder(({ work }) => (work.redelivered ? undefined : go.passed))
    const { ready, queue } = bus.on(source, 'created', got.handle, { concurrency: 1 })
    await ready
    await bus.emit('created', 1, { messageId: 'one' })
    await got.count(1)
    proxy.resetAll()
    await got.count(2)
    go.open()
    await bus.emit('created', 2, WAITS)
    await until(() => got.data()).toEqual([1, 1, 2])
    expect(got.seen.map(({ work }) => work.redelivered)).toEqual([false, true, false])
    expect(new Set(got.seen.slice(0, 2).map(({ work }) => work.messageId))).toEqual(new Set(['one']))
    await until(() => sidecar.status().events[0]!.handlers[0]!.inHand).toBe(0)
    await until(() => queueOf(queue)).toMatchObject({ messages: 0, consumers: 1 })
  })

  test('fault 63: a poison message goes to the dead letters after its attempts, others flow; moved back it begins anew', async () => {
    const source = unique('orders')
    const { bus } = await start(source)
    const poison = { is: true }
    const go = gate()
    const got = recorder(async ({ data }) => {
      if (data !== 'bad' || !poison.is) return
      await go.passed
      throw new TypeError('cannot be handled')
    })
    const retry = { attempts: 3, delay: 1_000 }
    const { ready, queue } = bus.on(source, 'created', got.handle, { concurrency: 1, retry })
    await ready
    await bus.emit('created', 'bad', { messageId: 'poison', headers: { tenant: 'acme' } })
    for (let n = 0; n < 20; n++) await bus.emit('created', n)
    // The others are in the queue, so that the delay is for their handling alone.
    go.open()
    await until(() => got.seen.length).toBe(23)
    const attempts = got.seen.filter(({ data }) => data === 'bad').map(({ work }) => work.attempt)
    expect(attempts).toEqual([1, 2, 3])
    // None of the others waited for it.
    expect(got.data().slice(0, 21)).toEqual(['bad', ...Array.from({ length: 20 }, (_, n) => n)])
    await until(() => deadLetters(queue)).toMatchObject([
      { messageId: 'poison', reason: 'TypeError: cannot be handled' },
    ])

    poison.is = false
    await onConnection(rabbitmq, async (model) => {
      const channel = await model.createConfirmChannel()
      const letter = await channel.get(`${queue}.dead`, { noAck: true })
      if (letter === false) throw new Error('no dead letter')
      expect(letter.properties.headers).toMatchObject({ 'x-original-exchange': `${source}.events`, tenant: 'acme' })
      channel.sendToQueue(queue, letter.content, letter.properties as object)
      await channel.waitForConfirms()
    })
    await until(() => got.seen.length).toBe(24)
    expect(got.seen[23]).toMatchObject({ data: 'bad', work: { attempt: 1, messageId: 'poison' } })
    await until(() => queueOf(queue)).toMatchObject({ messages: 0 })
  })

  test('fault 64: an event that was handled comes again where its end did not arrive; by its messageId the work is done once', async () => {
    const source = unique('orders')
    // Only the connections of the handler are cut: an emit whose confirm is lost would be made again as well.
    const { bus } = await startBus(source, { url: rabbitmq.url })
    const mails = await start('mails')
    const done = new Map<string, number>()
    const got = recorder(({ data, work }) => {
      if (done.has(work.messageId!)) return
      done.set(work.messageId!, data as number)
      // What is sent from here on does not arrive.
      if (data === 1) proxy.resetAll()
    })
    await mails.bus.on(source, 'created', got.handle, { concurrency: 1 }).ready
    await bus.emit('created', 1)
    await got.count(2)
    // An emit of which the end is not known is made again with the id that it had.
    await bus.emit('created', 2, { messageId: 'two' })
    await bus.emit('created', 2, { messageId: 'two' })
    await got.count(4)
    expect(got.data()).toEqual([1, 1, 2, 2])
    expect([...done.values()]).toEqual([1, 2])
  })

  test(
    'fault 65: kill -9 of a handler with 100 in hand, five times: of 100,000 events none is lost',
    { timeout: 10 * MINUTE },
    async () => {
      const COUNT = 100_000
      const KILLS = 5
      const { registry, folder } = await mesh()
      const emitter = await start('orders')
      const options = { registry, url: rabbitmq.url, concurrency: 100, workMs: 3 }
      const names: string[] = []
      const handler = async (more = {}) => {
        const name = `ledger-${names.length}`
        names.push(name)
        const child = startHandler({ ...options, ledger: join(folder, name), ...more })
        await child.message('ready')
        return child
      }
      const steady = await handler()
      let next = 0
      const emitAll = async () => {
        while (next < COUNT) await emitter.bus.emit('created', { id: next++ }, WAITS)
      }
      const emitting = Promise.all(Array.from({ length: 100 }, emitAll))
      for (let n = 0; n < KILLS; n++) {
        // Its events take long enough that all hundred are in hand at once.
        const victim = await handler({ workMs: 200 })
        expect(await victim.message('full')).toMatchObject({ inHand: 100 })
        await victim.kill()
      }
      await emitting
      await until(() => readLedgers(folder, names).ids.size, 5 * MINUTE).toBe(COUNT)
      const { duplicates, messageIds } = readLedgers(folder, names)
      console.log(
        `fault 65: ${duplicates} of ${COUNT} events were handled twice, after ${KILLS} kills with 100 in hand`,
      )
      expect(messageIds.size).toBe(COUNT)
      expect(duplicates).toBeLessThanOrEqual(KILLS * 100)
      await steady.kill()
    },
  )

  test(
    'fault 66: a rolling restart of three handlers at 500 events a second: none is lost, duplicates are counted',
    { timeout: 5 * MINUTE },
    async () => {
      const { registry, folder } = await mesh()
      const emitter = await start('orders')
      const names: string[] = []
      const handler = async () => {
        const name = `ledger-${names.length}`
        names.push(name)
        const ledger = join(folder, name)
        const child = startHandler({ registry, url: rabbitmq.url, concurrency: 20, workMs: 10, ledger })
        await child.message('ready')
        return child
      }
      const children = [await handler(), await handler(), await handler()]
      let rolling = true
      let emitted = 0
      let seconds = 0
      const since = performance.now()
      const emitting: Promise<void>[] = []
      const emitAll = async () => {
        while (rolling) {
          seconds = (performance.now() - since) / 1_000
          const due = Math.floor(seconds * 500)
          while (emitted < due) emitting.push(emitter.bus.emit('created', { id: emitted++ }, WAITS))
          await sleep(5)
        }
      }
      const flow = emitAll()
      for (const old of children) {
        await sleep(1_000)
        const successor = handler()
        old.signal('SIGTERM')
        expect(await old.exited).toEqual({ code: null, signal: 'SIGTERM' })
        await successor
      }
      await sleep(1_000)
      rolling = false
      await flow
      await Promise.all(emitting)
      await until(() => readLedgers(folder, names).ids.size, MINUTE).toBe(emitted)
      const { duplicates } = readLedgers(folder, names)
      console.log(`fault 66: ${emitted} events at ${Math.round(emitted / seconds)}/s, ${duplicates} handled twice`)
      expect(emitted / seconds).toBeGreaterThan(450)
      // A process that leaves ends what it has in hand.
      expect(duplicates).toBe(0)
      await killChildren()
    },
  )

  test(
    'fault 67: a password that changes, in RabbitMQ and then in Nacos: connected again, nothing lost',
    { timeout: 2 * MINUTE },
    async () => {
      const registry = await startDevServer()
      onTestFinished(() => registry.stop())
      const rabbit = (password: string) =>
        `spring: { rabbitmq: { host: 127.0.0.1, port: ${rabbitmq.port}, username: shop, password: ${password} } }`
      await rabbitmq.addUser('shop', 'first')
      registry.configs.publish({ dataId: 'shop.yml', content: rabbit('first') })
      const logger = collectLog()
      const sidecar = followingSidecar(registry, logger)
      const bus = events(sidecar)
      const go = gate()
      const got = recorder(({ data }) => (data === 'in hand' ? go.passed : undefined))
      const { ready } = bus.on('shop', 'created', got.handle)
      await Promise.all([sidecar.ready, ready])
      await bus.emit('created', 'in hand')
      await got.count(1)

      // While the connections stand: those of the new password take their place, and what is in hand ends on the old ones.
      await rabbitmq.changePassword('shop', 'second')
      registry.configs.publish({ dataId: 'shop.yml', content: rabbit('second') })
      await until(() => rabbitmq.evaluate('length(rabbit_networking:connections())')).toBe(3)
      go.open()
      await until(() => rabbitmq.evaluate('length(rabbit_networking:connections())')).toBe(2)
      await bus.emit('created', 'second')
      await got.count(2)
      expect(got.data()).toEqual(['in hand', 'second'])

      // Without connections: the old password is refused, until the new one is in Nacos.
      await rabbitmq.changePassword('shop', 'third')
      await rabbitmq.closeConnections()
      const emitted = bus.emit('created', 'third', WAITS)
      await until(() => logger.lines.some((line) => line.includes('ACCESS_REFUSED'))).toBe(true)
      expect(sidecar.status().events[0]!.broker.connected).toBe(false)
      await sleep(1_000)
      registry.configs.publish({ dataId: 'shop.yml', content: rabbit('third') })
      await emitted
      await got.count(3)
      expect(got.data()).toEqual(['in hand', 'second', 'third'])
      expect(logger.lines.filter((line) => line.includes('ACCESS_REFUSED'))).toHaveLength(1)
      expect(logger.lines.join()).not.toMatch(/first|second|third/)
    },
  )

  test('fault 68: a broker that is low on memory takes no events, and its handlers go on; then emits that waited are confirmed', async () => {
    const source = unique('orders')
    const { bus, sidecar, lines } = await start(source)
    const go = gate()
    const got = recorder(() => go.passed)
    const { ready, queue } = bus.on(source, 'created', got.handle, { concurrency: 5 })
    await ready
    for (let n = 0; n < 20; n++) await bus.emit('created', n)
    await rabbitmq.setMemoryWatermark(0)
    onTestFinished(() => rabbitmq.setMemoryWatermark(0.4))
    // The broker tells those that publish.
    const waiting = bus.emit('created', 20, WAITS)
    await until(() => sidecar.status().events[0]!.broker.lastError).toBe('it takes no events for now: low on memory')
    await expect(bus.emit('created', 'given up', { timeout: 100 })).rejects.toMatchObject({
      code: 'SIDECAR_EVENT_NOT_SENT',
    })
    go.open()
    await got.count(20)
    await until(() => queueOf(queue)).toMatchObject({ messages: 0 })
    await rabbitmq.setMemoryWatermark(0.4)
    await waiting
    await got.count(21)
    expect(got.data()).toEqual(Array.from({ length: 21 }, (_, n) => n))
    expect(lines.filter((line) => /takes (?:no events for now|events again)/.test(line))).toHaveLength(2)
    expect(sidecar.status().events[0]!.broker.lastError).toBeUndefined()
  })

  test('fault 69: a queue deleted under its handler is declared again; one with other arguments holds no other handler up', async () => {
    const source = unique('orders')
    const { bus, lines } = await start(source)
    const got = recorder()
    const { ready, queue } = bus.on(source, 'created', got.handle)
    await ready
    await rabbitmq.deleteQueue(queue)
    await until(() => queueOf(queue)).toMatchObject({ consumers: 1 })
    await bus.emit('created', 1)
    await got.count(1)

    const other = `evt-${source}-paid--${source}.paid`
    await onConnection(rabbitmq, async (model) => {
      await (await model.createChannel()).assertQueue(other, { durable: true, maxLength: 10 })
    })
    const paid = recorder()
    const late = bus.on(source, 'paid', paid.handle)
    await until(() => lines.filter((line) => line.includes('exists with other arguments')).length).toBe(1)
    await bus.emit('created', 2)
    await got.count(2)
    await rabbitmq.deleteQueue(other)
    await late.ready
    await bus.emit('paid', 3)
    await paid.count(1)
  })
})

async function mesh(): Promise<{ registry: string; folder: string }> {
  const registry = await startDevServer()
  onTestFinished(() => registry.stop())
  return { registry: registry.address, folder: tempFolder() }
}
