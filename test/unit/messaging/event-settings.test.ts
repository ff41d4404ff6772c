import { createSidecar, type SidecarOptions } from 'nacos-sidecar'
import { events, UnrecoverableError } from 'nacos-sidecar/events'
import { startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { expect, onTestFinished, test } from 'vitest'
import { eventSettings } from '../../../src/messaging/settings.js'
import { collectLog } from '../../support/collect.js'
import { gate, openBus, recorder, startBus, unique } from '../../support/event-bus.js'

const read = (settings: object) => eventSettings(openBus('shop', { url: 'memory:' }, settings).sidecar.host)

test('the defaults', () => {
  expect(read({})).toEqual({
    ...{ url: undefined, concurrency: 10, emitTimeoutMs: 5_000, forwardToken: false },
    retry: { attempts: 3, delayMs: 5_000, factor: 1, maxDelayMs: 600_000 },
  })
})

test("the keys of Spring's listeners count where sidecar.events says nothing", () => {
  const simple = {
    prefetch: 25,
    retry: { enabled: true, 'max-attempts': 4, 'initial-interval': '2s', multiplier: 3, 'max-interval': '1m' },
  }
  const retry = { attempts: 4, delayMs: 2_000, factor: 3, maxDelayMs: 60_000 }
  expect(read({ 'spring.rabbitmq.listener.simple': simple })).toMatchObject({ concurrency: 25, retry })
  const own = { concurrency: 2, retry: { attempts: 9 } }
  expect(read({ 'spring.rabbitmq.listener.simple': simple, 'sidecar.events': own })).toMatchObject({
    ...{ concurrency: 2, retry: { ...retry, attempts: 9 } },
  })
  const off = { ...simple, retry: { ...simple.retry, enabled: false } }
  expect(read({ 'spring.rabbitmq.listener.simple': off }).retry.attempts).toBe(3)
})

test.each([
  [{ concurrency: 0 }, 'sidecar.events.concurrency'],
  [{ retry: { factor: 0.5 } }, 'sidecar.events.retry.factor'],
  [{ 'emit-timeout': 'soon' }, 'sidecar.events.emit-timeout'],
])('%j is refused', (own, key) => {
  expect(() => read({ 'sidecar.events': own })).toThrow(key)
})

/** A service that asks Nacos. */
function shopOf(registry: TestRegistry, name: string, more: Pick<SidecarOptions, 'logger' | 'settings'> = {}) {
  // Code would be stronger than Nacos.
  const {
    'sidecar.events.url': _url,
    'sidecar.events.retry.delay': _delay,
    ...own
  } = registry.settings() as Record<string, unknown>
  const settings = {
    ...own,
    'application.name': name,
    'cloud.nacos.discovery.register-enabled': false,
    'cloud.nacos.config.file-extension': 'yml',
  }
  const sidecar = createSidecar({
    ...{ configPath: false, signals: false, ...more },
    settings: { ...settings, ...more.settings },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return sidecar
}

test('where events are, and how often they come again, may come from Nacos, and change there', async () => {
  await using registry = await startTestRegistry()
  const name = unique('shop')
  const publish = (attempts: number) =>
    registry.configs.publish({
      dataId: `${name}.yml`,
      content: `sidecar.events: { url: "memory:${name}", emit-timeout: 1s, retry: { attempts: ${attempts}, delay: 1ms } }`,
    })
  publish(2)
  const sidecar = shopOf(registry, name)
  const bus = events(sidecar)
  const got = recorder(() => Promise.reject(new Error('no')))
  bus.on(name, 'any', got.handle)
  // Before the configuration is loaded: it waits.
  await bus.emit('early', 1)
  await sidecar.ready
  expect(bus.status().broker).toMatchObject({ url: `memory:${name}`, connected: true })
  await bus.emit('any', 1)
  const buried = () => bus.status().handlers[0]!.buried
  await expect.poll(buried, { interval: 5 }).toBe(1)
  expect(got.seen).toHaveLength(2)
  publish(4)
  await expect.poll(() => eventSettings(sidecar.host).retry.attempts, { interval: 5 }).toBe(4)
  await bus.emit('any', 2)
  await expect.poll(buried, { interval: 5 }).toBe(2)
  expect(got.seen).toHaveLength(6)
})

test('an expected error is no failure in figures; the event comes again all the same', async () => {
  const source = unique('expected')
  const expected = { 'sidecar.observe.expected': 'OUT_OF_STOCK' }
  const { bus, sidecar } = await startBus(source, { url: 'memory:' }, expected)
  const got = recorder(() =>
    Promise.reject(Object.assign(new UnrecoverableError('none left'), { code: 'OUT_OF_STOCK' })),
  )
  await bus.on(source, 'any', got.handle).ready
  await bus.emit('any', 1)
  await expect.poll(() => bus.status().handlers[0]!.buried, { interval: 5 }).toBe(1)
  const figure = sidecar.stats().operations.find(({ name }) => name === `${source} any`)
  expect(figure).toMatchObject({ count: 1, errors: 0 })
})

test('a bus that is made when the sidecar is ready has the settings of Nacos', async () => {
  await using registry = await startTestRegistry()
  const name = unique('shop')
  const content = `sidecar.events: { url: "memory:${name}", concurrency: 3 }`
  registry.configs.publish({ dataId: `${name}.yml`, content })
  const sidecar = shopOf(registry, name)
  await sidecar.ready
  const bus = events(sidecar)
  await bus.on(name, 'any', () => {}).ready
  expect(bus.status()).toMatchObject({ broker: { url: `memory:${name}` }, handlers: [{ concurrency: 3 }] })
})

test('a new concurrency of the settings counts at once for handlers that are at work', async () => {
  await using registry = await startTestRegistry()
  const name = unique('shop')
  const publish = (concurrency: number) =>
    registry.configs.publish({
      dataId: `${name}.yml`,
      content: `sidecar.events: { url: "memory:${name}", concurrency: ${concurrency} }`,
    })
  publish(2)
  const sidecar = shopOf(registry, name)
  const bus = events(sidecar)
  const go = gate()
  const got = recorder(() => go.passed)
  const { ready } = bus.on(name, 'any', got.handle)
  await bus.on(name, 'own', () => {}, { concurrency: 1 }).ready
  await ready
  for (let n = 0; n < 6; n++) await bus.emit('any', n)
  await got.count(2)
  const inHand = () => bus.status().handlers.map((handler) => [handler.inHand, handler.concurrency])
  expect(inHand()).toEqual([
    [2, 2],
    [0, 1],
  ])
  publish(5)
  await got.count(5)
  expect(inHand()).toEqual([
    [5, 5],
    [0, 1],
  ])
  go.open()
  await got.count(6)
})

test('what Nacos says wrongly of events is refused where the first bus reads it, and the settings of this machine stay in use', async () => {
  await using registry = await startTestRegistry()
  const name = unique('shop')
  const publish = (concurrency: number) =>
    registry.configs.publish({
      dataId: `${name}.yml`,
      content: `sidecar.events: { url: "memory:${name}", concurrency: ${concurrency} }`,
    })
  publish(0)
  const logger = collectLog()
  const sidecar = shopOf(registry, name, { logger, settings: { 'sidecar.events.emit-timeout': '2s' } })
  const said = { rejected: [] as string[], accepted: [] as string[] }
  sidecar.on('configRejected', ({ source }) => said.rejected.push(source))
  sidecar.on('configAccepted', ({ source }) => said.accepted.push(source))
  await sidecar.ready
  const bus = events(sidecar, { url: 'memory:' })
  await bus.on(name, 'any', () => {}).ready
  await bus.emit('any', 1)
  expect(bus.status().handlers).toMatchObject([{ concurrency: 10 }])
  expect(eventSettings(sidecar.host).emitTimeoutMs).toBe(2_000)
  expect(logger.lines.filter((line) => line.startsWith('error'))).toEqual([
    expect.stringMatching(/sidecar\.events does not match the schema: concurrency.*The previous value stays in use$/),
  ])
  expect(said).toEqual({ rejected: ['sidecar.events'], accepted: [] })
  publish(3)
  await expect.poll(() => bus.status().handlers[0]!.concurrency, { interval: 5 }).toBe(3)
  expect(said).toEqual({ rejected: ['sidecar.events'], accepted: ['sidecar.events'] })
})
