import { createSidecar, every, type Sidecar } from 'nacos-sidecar'
import { events, on, type EventBus } from 'nacos-sidecar/events'
import { startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'

let registry: TestRegistry

beforeEach(async () => {
  registry = await startTestRegistry()
  return () => registry.stop()
})

/** A service without a server, as a test would make it from its own code. */
function service(name: string, setUp: (bus: EventBus, sidecar: Sidecar) => void): Sidecar {
  const settings = registry.settings({ application: { name } })
  const sidecar = createSidecar({ configPath: false, settings, signals: false, logger: collectLog() })
  onTestFinished(() => sidecar.stop())
  setUp(events(sidecar), sidecar)
  return sidecar
}

test('delivered waits until a handler is done, and returns each event once', async () => {
  const seen: unknown[] = []
  service('mail', (bus) => bus.on('order-service', 'created', (order) => void seen.push(order)))
  await registry.emit('order-service created', { id: 1 }, { messageId: 'first', headers: { tenant: 'a' } })
  await registry.emit('order-service created', { id: 2 })
  const [first] = await registry.delivered<{ id: number }>('order-service created')
  expect(first).toEqual({
    what: 'delivered',
    event: 'order-service created',
    data: { id: 1 },
    messageId: 'first',
    headers: expect.objectContaining({ tenant: 'a' }) as object,
    queue: 'evt-order-service-created--mail.created',
    attempt: 1,
    reason: undefined,
  })
  expect(first!.data.id).toBe(1)
  expect(await registry.delivered('order-service created')).toMatchObject([{ data: { id: 2 } }])
  expect(seen).toEqual([{ id: 1 }, { id: 2 }])
})

test('one event that two services handle is delivered twice; a wait may be for one of them', async () => {
  for (const name of ['mail', 'stock']) service(name, (bus) => bus.on('order-service', 'created', () => {}))
  await registry.emit('order-service created', { id: 1 })
  expect(await registry.delivered('order-service created', 1, { service: 'stock' })).toMatchObject([
    { queue: 'evt-order-service-created--stock.created' },
  ])
  expect(await registry.delivered('order-service created', 1)).toMatchObject([
    { queue: 'evt-order-service-created--mail.created' },
  ])
})

test('waits for the same events share them out', async () => {
  service('mail', (bus) => bus.on('order-service', 'created', () => {}))
  const waits = [1, 2, 1].map((count) => registry.delivered<{ id: number }>('order-service created', count))
  for (let id = 1; id <= 4; id++) await registry.emit('order-service created', { id })
  const all = await Promise.all(waits)
  expect(all.map((one) => one.length)).toEqual([1, 2, 1])
  expect(new Set(all.flat().map(({ data }) => data.id)).size).toBe(4)
})

test('emitted waits for what services emit, not for what the test does', async () => {
  const orders = service('orders', (bus) =>
    bus.on('stock', 'reserved', ({ id }: { id: number }) => bus.emit('confirmed', { id })),
  )
  await orders.ready
  await registry.emit('stock reserved', { id: 7 })
  expect(await registry.emitted('orders confirmed')).toMatchObject([{ data: { id: 7 }, queue: undefined }])
  await registry.delivered('stock reserved')
  expect(registry.eventLog.map(({ what, event }) => `${what} ${event}`).sort()).toEqual([
    'delivered stock reserved',
    'emitted orders confirmed',
  ])
})

test('a failing handler: quick retries, and a dead letter with its reason', async () => {
  service('mail', (bus) =>
    bus.on('order-service', 'created', () => Promise.reject(new Error('no mail server')), { retry: { attempts: 2 } }),
  )
  await registry.emit('order-service created', { id: 7 })
  expect(await registry.deadLetters('order-service created')).toMatchObject([
    { data: { id: 7 }, attempt: 2, reason: 'no mail server' },
  ])
  expect(registry.eventLog.map(({ what, attempt }) => `${what} ${attempt}`)).toEqual(['failed 1', 'dead 2'])
})

test('a wait in vain says what happened instead', async () => {
  service('mail', (bus) =>
    bus.on('order-service', 'created', () => Promise.reject(new Error('no mail server')), { retry: false }),
  )
  await registry.emit('order-service created', { id: 7 })
  await registry.deadLetters('order-service created')
  await expect(registry.delivered('order-service created', 2, { timeoutMs: 10 })).rejects.toMatchObject({
    code: 'SIDECAR_TEST_TIMEOUT',
    message:
      'delivered("order-service created", 2): 0 of 2 came within 10 ms. What happened: 1 × dead order-service created (evt-order-service-created--mail.created): no mail server. Its queues: evt-order-service-created--mail.created: 0 wait, 0 in hand, 0 come again',
  })
  await expect(registry.emitted('stock reserved', 1, { timeoutMs: 10 })).rejects.toThrow(
    'Its queues: none, no handler takes it',
  )
  const reason = new Error('the test is over')
  await expect(registry.delivered('stock reserved', 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('options in place of the number of events are refused', async () => {
  await using registry = await startTestRegistry()
  const invalid = expect.objectContaining({ code: 'SIDECAR_TEST_INVALID' }) as Error
  for (const count of [0, -1, 1.5, NaN, { timeoutMs: 10 } as never]) {
    await expect(registry.delivered('orders created', count)).rejects.toEqual(invalid)
    await expect(registry.emitted('orders created', count)).rejects.toEqual(invalid)
  }
  expect(() => registry.override(undefined as never, {})).toThrow(invalid)
  expect(() => registry.override(class {}, null as never)).toThrow(invalid)
})

test('an event is named by source and type', async () => {
  const invalid = { code: 'SIDECAR_EVENT_INVALID' }
  await expect(registry.emit('created', {})).rejects.toMatchObject(invalid)
  await expect(registry.delivered('created')).rejects.toMatchObject(invalid)
  await expect(registry.emit('order-service created', undefined)).rejects.toMatchObject(invalid)
})

test('only: of all handlers those of the named events, or of their own name, take events', async () => {
  registry.only('order-service created', 'second')
  const seen: string[] = []
  const mail = service('mail', (bus) => {
    bus.on('order-service', 'created', () => void seen.push('created'))
    bus.on('order-service', 'cancelled', () => void seen.push('cancelled'))
    bus.on('order-service', 'paid', () => void seen.push('first'), { name: 'first' })
    bus.on('order-service', 'paid', () => void seen.push('second'), { name: 'second' })
  })
  await mail.ready
  for (const type of ['cancelled', 'paid', 'created']) await registry.emit(`order-service ${type}`, {})
  await registry.delivered('order-service created')
  await registry.delivered('order-service paid')
  expect(seen.sort()).toEqual(['created', 'second'])
})

test('what a registry keeps of events is gone with it', async () => {
  service('mail', (bus) => bus.on('order-service', 'created', () => {}))
  await registry.emit('order-service created', { id: 7 })
  await registry.delivered('order-service created')
  await using other = await startTestRegistry()
  expect(other.eventLog).toEqual([])
  await expect(other.delivered('order-service created', 1, { timeoutMs: 10 })).rejects.toThrow('What happened: nothing')
})

test('methods with @on and @every: fire runs them by their names, and only leaves the others out', async () => {
  const seen: string[] = []
  class Rates {
    @every('1h', { name: 'refresh rates' })
    async refresh() {
      seen.push('refresh')
    }
    @every('1h', { eager: true })
    async cleanUp() {
      seen.push('cleanUp')
    }
    @on('order-service', 'paid')
    paid() {
      seen.push('paid')
    }
    @on('order-service', 'created')
    created() {
      seen.push('created')
    }
  }
  registry.only('created')
  service('rates', (_bus, sidecar) => sidecar.mount(new Rates()))
  await registry.fire('refresh rates')
  for (const type of ['paid', 'created']) await registry.emit(`order-service ${type}`, {})
  await registry.delivered('order-service created')
  expect(seen).toEqual(['refresh', 'created'])
})
