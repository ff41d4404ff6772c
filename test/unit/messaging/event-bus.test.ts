import { events, SidecarError, type EventsOptions } from 'nacos-sidecar/events'
import { expect, test } from 'vitest'
import { gate, openBus, recorder, startBus, unique } from '../../support/event-bus.js'

const MEMORY = { url: 'memory:unit' }
const invalid = (message: string | RegExp) =>
  expect.objectContaining({
    code: 'SIDECAR_EVENT_INVALID',
    message: (typeof message === 'string'
      ? expect.stringContaining(message)
      : expect.stringMatching(message)) as unknown,
  })

test.each([
  [['', 1], 'type is text that is not empty'],
  [[7, 1], 'type is text that is not empty, got number'],
  [['a.*', 1], 'has * or #'],
  [['#', 1], 'has * or #'],
  [['a\nb', 1], 'type has control characters'],
  [['大'.repeat(86), 1], 'has 258 bytes; at most 255 fit'],
  [['a', 1, { source: ' ' }], 'source is text that is not empty'],
  [['a', 1, { source: 'x'.repeat(250) }], 'the exchange "xxx'],
  [['a', 1, { source: 'amq.orders' }], 'reserved by AMQP'],
  [['a', undefined], 'the data is undefined; an event without data has null or {}'],
  [['a', () => {}], 'cannot be written as application/json: a function has no such form'],
  [['a', Object.assign([], { toJSON: () => undefined })], 'cannot be written as application/json'],
  [['a', 'x'.repeat(2_000)], 'the event has 2002 bytes, the limit is 1000 (option maxBytes)'],
  [['a', { b: 1 }, { contentType: 'text/csv' }], 'contentType is for data that is text, a Buffer or a Uint8Array'],
  [['a', 1, { messageId: '' }], 'messageId is text that is not empty'],
  [['a', 1, { timeout: 'soon' }], 'timeout: expected a duration above 0'],
  [['a', 1, { headers: { a: [1] } }], 'the header a is text, a number or a boolean'],
  [['a', 1, { headers: [] }], 'headers are an object'],
  [['a', 1, null], 'options are an object'],
  [[Object.create(null), 1], 'type is text that is not empty, got object'],
  [['a', 1, { messageId: 'x'.repeat(256) }], 'has 256 bytes; at most 255 fit'],
  [['a', 'b', { contentType: 7 }], 'contentType is text that is not empty, got number'],
  [['a', 'b', { contentType: '' }], 'contentType is text that is not empty'],
  [['a', 'b', { contentType: `text/${'x'.repeat(255)}` }], 'has 260 bytes; at most 255 fit'],
  [['a', 'b', { contentType: 'text/csv\n' }], 'contentType has control characters'],
  [['a', 1, { signal: 'soon' }], 'signal is an AbortSignal'],
])('emit refuses %j', async (args, message) => {
  const { bus } = openBus('shop', { ...MEMORY, maxBytes: 1_000 })
  await expect(Reflect.apply(bus.emit.bind(bus), undefined, args) as Promise<void>).rejects.toEqual(invalid(message))
})

const circle: Record<string, unknown> = {}
circle['self'] = circle

test('emit refuses a circle, and a bigint', async () => {
  const { bus } = openBus('shop', MEMORY)
  await expect(bus.emit('a', { n: 1n })).rejects.toEqual(invalid('cannot be written as application/json: '))
  await expect(bus.emit('a', circle)).rejects.toEqual(invalid('circular'))
})

test.each([
  [['', 'a', () => {}], 'source is text'],
  [['s', 'a#', () => {}], 'has * or #'],
  [['s', 'a', 'no function'], 'expected a function, got string'],
  [['s', 'a', () => {}, { mode: 'all' }], 'mode is one of pool, singleton, broadcast'],
  [['s', 'a', () => {}, { concurrency: 0 }], 'concurrency: expected an integer 1–65535'],
  [['s', 'a', () => {}, { retry: true }], 'retry is an object, or false'],
  [['s', 'a', () => {}, { retry: { attempts: 0 } }], 'retry.attempts: expected an integer'],
  [['s', 'a', () => {}, { retry: { delay: 'soon' } }], 'retry.delay: expected a duration'],
  [['s', 'a', () => {}, { retry: { factor: 0 } }], 'retry.factor: expected a number 1–1000'],
  [['s', 'a', () => {}, { schema: {} }], 'schema: expected a Standard Schema'],
  [['s', 'a', () => {}, { timeout: 0 }], 'timeout: expected a duration above 0'],
  [['s', 'a', () => {}, { name: '' }], 'name is text that is not empty'],
  [['s'.repeat(120), 'a'.repeat(120), () => {}], /the queue "evt-.*at most 235 fit/],
  [['s', 'a', () => {}, null], 'options are an object'],
])('on refuses %j', (args, message) => {
  const { bus } = openBus('shop', MEMORY)
  expect(() => Reflect.apply(bus.on.bind(bus), undefined, args) as unknown).toThrowError(invalid(message))
})

test('two handlers of one queue: the second needs a name; an ended one leaves its place', () => {
  const { bus } = openBus('shop', MEMORY)
  const first = bus.on('s', 'a', () => {})
  expect(() => bus.on('s', 'a', () => {})).toThrowError(invalid("give this one a name, { name: '…' }"))
  bus.on('s', 'a', () => {}, { name: 'second' })
  first()
  bus.on('s', 'a', () => {})
  bus.on('s', 'a', () => {}, { mode: 'singleton' })
  expect(() => bus.on('s', 'a', () => {}, { mode: 'singleton', name: 'b' })).toThrowError(invalid('one queue for all'))
  bus.on('s', 'a', () => {}, { mode: 'broadcast' })
  expect(() => bus.on('s', 'a', () => {}, { mode: 'broadcast' })).toThrowError(invalid('give this one a name'))
})

test('a service without a name cannot emit for itself', async () => {
  const { bus } = openBus('', MEMORY)
  await expect(bus.emit('a', 1)).rejects.toEqual(invalid('set application.name'))
  await bus.emit('a', 1, { source: 'other' })
})

test.each([
  [{}, 'expected what initSidecar or createSidecar gave'],
  [undefined, 'expected what initSidecar or createSidecar gave'],
])('events(%j) is refused', (sidecar, message) => {
  expect(() => events(sidecar as never)).toThrowError(invalid(message))
})

test('one bus for a URL; a wrong one is refused, and not repeated', () => {
  const { sidecar, bus } = openBus('shop', MEMORY)
  expect(events(sidecar, MEMORY)).toBe(bus)
  expect(events(sidecar, { url: 'memory:other' })).not.toBe(bus)
  expect(sidecar.status().events.map(({ broker }) => broker.url)).toEqual(['memory:unit', 'memory:other'])
  const open = (options: EventsOptions) => () => events(sidecar, options)
  expect(open({ url: 'redis://secret' })).toThrowError(invalid(/^(?!.*secret).*expected memory:, or a URL/))
  expect(open({ url: 'amqp://u:secret' + '%zz@h' })).toThrowError(
    expect.objectContaining({
      code: 'SIDECAR_SETTINGS_INVALID',
      message: expect.not.stringContaining('secret') as unknown,
    }),
  )
  expect(open({ url: 'memory:codec', codec: {} as never })).toThrowError(invalid('codec: expected an object'))
  for (const maxBytes of [0, -1, NaN, '1MB' as never])
    expect(open({ url: 'memory:limit', maxBytes })).toThrowError(
      invalid('maxBytes: expected a number of bytes above 0'),
    )
})

test('an error is a SidecarError', async () => {
  const { bus } = openBus('shop', MEMORY)
  await expect(bus.emit('', 1)).rejects.toBeInstanceOf(SidecarError)
})

test('what the app does with its bytes, its data and its headers afterwards is not sent', async () => {
  const source = unique('bytes')
  const { bus } = await startBus(source, MEMORY)
  const got = recorder()
  await bus.on(source, 'any', got.handle, { concurrency: 1 }).ready
  const [bytes, data] = [new Uint8Array([1, 2]), { id: 1 }]
  const sent = [bus.emit('any', bytes), bus.emit('any', data)]
  bytes[0] = 9
  data.id = 9
  await Promise.all(sent)
  await got.count(2)
  expect(got.data()).toEqual([Buffer.from([1, 2]), { id: 1 }])
})

test('a handler that ignores its timeout ends in vain: its event has come again', async () => {
  const source = unique('slow')
  const { bus } = await startBus(source, MEMORY)
  const go = gate()
  const got = recorder(({ work }) => (work.attempt === 1 ? go.passed : undefined))
  await bus.on(source, 'any', got.handle, { timeout: 20, retry: { delay: 1 } }).ready
  await bus.emit('any', 1)
  await got.count(2)
  go.open()
  await expect
    .poll(() => bus.status().handlers[0], { interval: 5 })
    .toMatchObject({ handled: 1, failed: 1, retried: 1 })
  expect(got.seen).toHaveLength(2)
})

test('data has the type of the schema, or that which the handler says', () => {
  const { bus } = openBus('shop', MEMORY)
  const schema = {
    '~standard': { version: 1 as const, vendor: 'test', validate: () => ({ value: { id: 1 } }) },
  }
  bus.on('typed', 'schema', ({ id }) => id.toFixed(), { schema })
  bus.on<{ name: string }>('typed', 'named', ({ name }) => name.trim())
  bus.on('typed', 'annotated', ({ id }: { id: number }) => id.toFixed())
  // @ts-expect-error unknown without either
  bus.on('typed', 'unknown', ({ id }) => id)
})
