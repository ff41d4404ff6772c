import { expect, test } from 'vitest'
import { memoryQueues } from '../../../src/messaging/memory/queues.js'
import { gate, openBus, recorder, startBus, unique } from '../../support/event-bus.js'

const MEMORY = { url: 'memory:faults' }
const queues = memoryQueues('faults')
const until = (isSo: () => unknown) => expect.poll(isSo, { interval: 5, timeout: 10_000 })

test('fault 70: poison messages, as many as fit into the prefetch and more, hold no other event up', async () => {
  const source = unique('poison')
  const { bus, sidecar } = await startBus(source, MEMORY)
  const got = recorder()
  const { queue, ready } = bus.on(source, 'any', got.handle, { concurrency: 2 })
  await ready
  const failures: unknown[] = []
  sidecar.on('eventFailed', ({ next, attempt }) => failures.push(`${next} ${attempt}`))
  const bad = { contentType: 'application/json', messageId: undefined, timestamp: undefined, headers: {} }
  for (const text of ['{', 'NaN', '', 'undefined', '{"a":1}x', "{'a':1}"])
    queues.publish({ source, type: 'any' }, { ...bad, body: Buffer.from(text) })
  await bus.emit('any', 'good')
  await got.count(1)
  await until(() => queues.deadLetters(queue).length).toBe(6)
  expect(got.data()).toEqual(['good'])
  expect(new Set(failures)).toEqual(new Set(['dead-letter 1']))
  expect(queues.deadLetters(queue).map(({ message }) => message.body.toString())).toContain('{"a":1}x')
})

test('fault 71: an event that is delivered twice has the same id, so that a handler does its work once', async () => {
  const source = unique('twice')
  const { bus } = await startBus(source, MEMORY)
  const go = gate()
  const done = new Map<string, unknown>()
  const got = recorder(async ({ data, work }) => {
    if (!done.has(work.messageId!)) done.set(work.messageId!, data)
    if (!work.redelivered) await go.passed
  })
  const { queue, ready } = bus.on(source, 'any', got.handle)
  await ready
  // The broker does not hear of the end of the first delivery; the sender did not hear of the confirm.
  await bus.emit('any', 1, { messageId: 'order-1' })
  await got.count(1)
  queues.disconnect()
  queues.connect()
  await bus.emit('any', 1, { messageId: 'order-1' })
  await got.count(3)
  go.open()
  expect([...done]).toEqual([['order-1', 1]])
  expect(got.seen.map(({ work }) => work.redelivered).sort()).toEqual([false, false, true])
  await until(() => queues.status().find(({ name }) => name === queue)).toMatchObject({ ready: 0, inHand: 0, later: 0 })
})

test('fault 72: a handler that never ends holds the leave up for no longer than its limit, and its event is not lost', async () => {
  const source = unique('hangs')
  const { bus, sidecar } = await startBus('shop', MEMORY, { 'sidecar.leave-timeout': 400 })
  const got = recorder(() => new Promise(() => {}))
  await bus.on(source, 'any', got.handle).ready
  for (const id of [1, 2]) await bus.emit('any', id, { source })
  await got.count(2)
  await sidecar.stop({ drain: false })
  expect(got.seen.every(({ work }) => work.signal.aborted)).toBe(true)
  const second = recorder()
  const next = await startBus('shop', MEMORY)
  next.bus.on(source, 'any', second.handle, { concurrency: 1 })
  await second.count(2)
  expect(second.seen.map(({ data, work }) => [data, work.attempt, work.redelivered])).toEqual([
    [1, 1, true],
    [2, 1, true],
  ])
})

test('fault 73: a handler that always fails calls no event a success, and others do not wait for its retries', async () => {
  const source = unique('fails')
  const { bus } = await startBus(source, MEMORY)
  const bad = recorder(() => Promise.reject(new Error('the database is down')))
  const good = recorder()
  const retry = { attempts: 2, delay: 20 }
  const { queue, ready } = bus.on(source, 'any', bad.handle, { retry, concurrency: 5 })
  await ready
  await bus.on(source, 'other', good.handle).ready
  for (let id = 0; id < 50; id++) await bus.emit('any', id)
  await bus.emit('other', 'on its way')
  await good.count(1)
  await until(() => queues.deadLetters(queue).length).toBe(50)
  expect(bad.seen).toHaveLength(100)
  expect(bus.status().handlers[0]).toMatchObject({ handled: 0, failed: 100, retried: 50, buried: 50, inHand: 0 })
})

test('fault 74: events before the broker is there: they wait for it, and reject when their time is over', async () => {
  const source = unique('early')
  queues.disconnect()
  const { bus, sidecar } = openBus(source, MEMORY)
  const got = recorder()
  const { ready } = bus.on(source, 'any', got.handle)
  const early = bus.emit('any', 'too early', { timeout: 20 })
  await expect(early).rejects.toMatchObject({ code: 'SIDECAR_EVENT_NOT_SENT' })
  // The broker being away delays neither the start nor the readiness.
  await sidecar.ready
  queues.connect()
  await ready
  await bus.emit('any', 'in time')
  await got.count(1)
  expect(got.data()).toEqual(['in time'])
})
