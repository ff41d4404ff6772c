import { join } from 'node:path'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { events } from 'nacos-sidecar/events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createAuthority, type Authority } from '../support/certificates.js'
import { gate, openBus, recorder, startBus, unique } from '../support/event-bus.js'
import { tempFolder } from '../support/temp-folder.js'
import { freePort } from './servers/free-ports.js'
import { rabbitmqPrograms, startRabbitmq, type Rabbitmq } from './servers/rabbitmq.js'
import { cannotBeHad } from './support/on-server.js'
import { missingOf } from './support/setup.js'
import { followingSidecar } from './support/following-sidecar.js'

const missing = await rabbitmqPrograms().then(() => undefined, missingOf)
const WAITS = { timeout: 60_000 }
const until = (isSo: () => unknown) => expect.poll(isSo, { interval: 20, timeout: 30_000 })

describe('connections to RabbitMQ, as spring.rabbitmq says', () => {
  if (missing) return cannotBeHad(missing)
  let rabbitmq: Rabbitmq
  let authority: Authority
  let tlsPort: number
  let files: string
  const cleanUps: (() => void)[] = []
  beforeAll(async () => {
    authority = await createAuthority()
    const [server, client] = [await authority.issue(), await authority.issue({ client: true })]
    files = tempFolder(
      {
        'ca.pem': authority.cert,
        ...{ 'server.pem': server.cert, 'server.key': server.key },
        ...{ 'client.pem': client.cert, 'client.key': client.key },
      },
      (cleanUp) => cleanUps.push(cleanUp),
    )
    tlsPort = await freePort([])
    rabbitmq = await startRabbitmq([
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      ...Object.entries({ cacertfile: 'ca.pem', certfile: 'server.pem', keyfile: 'server.key' }).map(
        ([name, file]) => `ssl_options.${name} = ${join(files, file)}`,
      ),
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
    ])
  })
  afterAll(async () => {
    await rabbitmq.stop()
    for (const cleanUp of cleanUps) cleanUp()
  })

  const bundle = 'spring.ssl.bundle.pem.rabbit'
  const tls = (more: object = {}) => ({
    'spring.rabbitmq.host': '127.0.0.1',
    'spring.rabbitmq.port': tlsPort,
    'spring.rabbitmq.ssl.enabled': true,
    'spring.rabbitmq.ssl.bundle': 'rabbit',
    [`${bundle}.truststore.certificate`]: `file:${files}/ca.pem`,
    ...more,
  })
  const own = () => ({
    [`${bundle}.keystore.certificate`]: `file:${files}/client.pem`,
    [`${bundle}.keystore.private-key`]: `file:${files}/client.key`,
  })

  /** An event goes and comes. */
  async function works(settings: object): Promise<string> {
    const source = unique('orders')
    const { bus, sidecar } = await startBus(source, {}, settings)
    const got = recorder()
    await bus.on(source, 'created', got.handle).ready
    await bus.emit('created', 1, WAITS)
    await got.count(1)
    expect(got.data()).toEqual([1])
    return sidecar.status().events[0]!.broker.url
  }

  /** Why it cannot connect. */
  async function refusal(settings: object): Promise<string | undefined> {
    const { bus } = await startBus('orders', {}, settings)
    const reason = () => bus.status().broker.lastError
    await until(reason).toBeDefined()
    expect(bus.status().broker.connected).toBe(false)
    return reason()
  }

  test('amqps with an own authority and a client certificate, from a bundle of PEM', async () => {
    expect(await works(tls(own()))).toBe(`amqps://127.0.0.1:${tlsPort}`)
    // The certificate is for the address only.
    const named = { ...own(), 'spring.rabbitmq.host': 'localhost' }
    expect(await refusal(tls(named))).toMatch(/does not match certificate's altnames/)
    expect(await works(tls({ ...named, 'spring.rabbitmq.ssl.verify-hostname': false }))).toMatch('amqps://localhost')
  })

  test('amqps is refused without the client certificate, and with another authority, and status says why', async () => {
    expect(await refusal(tls())).toMatch(/certificate required|handshake failure/)
    const other = { [`${bundle}.truststore.certificate`]: (await createAuthority('Other')).cert }
    expect(await refusal(tls({ ...own(), ...other }))).toMatch(/self-signed certificate|unable to verify|unable to get/)
    const unchecked = { ...own(), ...other, 'spring.rabbitmq.ssl.validate-server-certificate': false }
    expect(await works(tls(unchecked))).toBe(`amqps://127.0.0.1:${tlsPort}`)
  })

  test(
    'several addresses: the first is down, so the second is taken; that is killed, and the first, which is back, is taken',
    { timeout: 240_000 },
    async () => {
      const first = await startRabbitmq()
      onTestFinished(() => first.stop())
      await first.kill()
      const source = unique('orders')
      const addresses = `127.0.0.1:${first.port}, 127.0.0.1:${rabbitmq.port}`
      const { bus, sidecar, lines } = openBus(source, {}, { 'spring.rabbitmq.addresses': addresses })
      await sidecar.ready
      const urlNow = () => {
        const { url, connected } = bus.status().broker
        return connected && url
      }
      const got = recorder()
      await bus.on(source, 'created', got.handle).ready
      await bus.emit('created', 'second', WAITS)
      await got.count(1)
      expect(urlNow()).toBe(`amqp://127.0.0.1:${rabbitmq.port}`)

      await first.start()
      await rabbitmq.kill()
      // The two are no cluster: the queue has to be made there.
      await until(() => first.queues()).toMatchObject([{ consumers: 1 }])
      await bus.emit('created', 'first', WAITS)
      await got.count(2)
      expect(urlNow()).toBe(`amqp://127.0.0.1:${first.port}`)
      expect(lines.filter((line) => line.startsWith('info Connected to RabbitMQ'))).toHaveLength(2)

      // It stays where it is.
      await rabbitmq.start()
      await bus.emit('created', 'stays', WAITS)
      await got.count(3)
      expect(urlNow()).toBe(`amqp://127.0.0.1:${first.port}`)
      expect(got.data()).toEqual(['second', 'first', 'stays'])
    },
  )

  test.each(['pool', 'broadcast'] as const)(
    'a new concurrency from Nacos counts for handlers at work: %s',
    async (mode) => {
      const registry = await startDevServer()
      onTestFinished(() => registry.stop())
      const publish = (concurrency: number) =>
        registry.configs.publish({ dataId: 'shop.yml', content: `sidecar.events.concurrency: ${concurrency}` })
      publish(2)
      const sidecar = followingSidecar(registry)
      const bus = events(sidecar, { url: rabbitmq.url })
      const source = unique('orders')
      let go = gate()
      const got = recorder(() => go.passed)
      const { ready, queue } = bus.on(source, 'created', got.handle, { mode })
      await Promise.all([sidecar.ready, ready])
      for (let n = 0; n < 10; n++) await bus.emit('created', n, { source })
      await got.count(2)
      const ofQueue = async () => (await rabbitmq.queues()).find(({ name }) => name === queue)
      publish(5)
      await until(async () => (await ofQueue())?.consumers).toBe(1)
      // The two in hand are not counted.
      await got.count(7)
      publish(1)
      await until(() => bus.status().handlers[0]!.concurrency).toBe(1)
      go.open()
      await got.count(10)
      await until(ofQueue).toMatchObject({ messages: 0, consumers: 1 })
      go = gate()
      onTestFinished(() => go.open())
      for (let n = 10; n < 13; n++) await bus.emit('created', n, { source })
      await got.count(11)
      await until(ofQueue).toMatchObject({ messages: 3, unacknowledged: 1 })
      expect(bus.status().handlers[0]).toMatchObject({ inHand: 1, failed: 0 })
      expect(new Set(got.data()).size).toBe(11)
    },
  )
})
