import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { messageOf } from '../../src/errors.js'
import { AmqpMessage, deadProperties, retryProperties } from '../../src/messaging/amqp/message.js'
import { parseKombuJson } from '../../src/messaging/kombu-json.js'
import { memoryQueues } from '../../src/messaging/memory/queues.js'
import type { Message } from '../../src/messaging/broker.js'
import { createLogger } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test } from 'vitest'
import { leastCpuTime } from '../support/cost.js'
import { openBus, recorder, startBus, unique, type Seen } from '../support/event-bus.js'
import { serve } from '../support/frameworks.js'
import { createMemoryTransport } from '../support/memory-transport.js'

/** What another client may put upon the wire, past `bus.emit`. */
function send(broker: string, source: string, type: string, message: Partial<Message>): void {
  const body = Buffer.from('{}')
  const plain = { contentType: 'application/json', messageId: undefined, timestamp: undefined, headers: {} }
  memoryQueues(broker).publish({ source, type }, { body, ...plain, ...message })
}

const FORWARD = { 'sidecar.forward-headers': 'x-tenant-id' }

describe('an event of a hostile producer', () => {
  test('keys of prototypes in its JSON and its headers change no object', async () => {
    const source = unique('orders')
    const { bus } = await startBus(source, { url: `memory:${source}` }, FORWARD)
    const seen = recorder()
    await bus.on(source, 'created', seen.handle).ready
    const json =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"d":{"__type__":"date","__value__":"x"}}'
    const headers = JSON.parse(
      '{"__proto__":{"x-tenant-id":"a"},"nameko.__proto__":{"polluted":1},"constructor":1,"nameko.call_id_stack":{"length":-1}}',
    ) as Record<string, unknown>
    send(source, source, 'created', { body: Buffer.from(json), headers })
    const [{ data, work }] = (await seen.count(1)) as readonly [Seen]
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect((data as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.keys(data as object)).toContain('__proto__')
    expect(Object.keys(work.headers)).toContain('constructor')
    await bus.emit('next', data)
  })

  test('what it brings for calls is passed on only if it is fit for a header; none of it ends one', async () => {
    const source = unique('orders')
    const transport = createMemoryTransport()
    const settings = { ...FORWARD, 'sidecar.events.forward-token': true }
    const { sidecar, bus } = await startBus(source, { url: `memory:${source}` }, settings, { transport })
    const got: IncomingHttpHeaders[] = []
    const server = await serve(
      createServer((request, response) => void (got.push(request.headers), response.end('{}'))),
    )
    onTestFinished(server.close)
    await transport.register({
      ...{ namespace: '', group: 'DEFAULT_GROUP', service: 'users', ip: '127.0.0.1', port: server.port },
      ...{ weight: 1, healthy: true, enabled: true, ephemeral: true, cluster: 'DEFAULT', metadata: {} },
    })
    const seen = recorder(async () => (await sidecar.fetch('lb://users/')).text())
    await bus.on(source, 'created', seen.handle, { retry: false }).ready
    const values = [
      'a\r\nx-admin: 1',
      'x'.repeat(1_000_000),
      '\u0000',
      '世界',
      ['list'],
      { length: 1 },
      NaN,
      Buffer.from('bytes'),
    ]
    for (const value of values) {
      const trace = { traceparent: value, tracestate: value, 'nameko.traceparent': value, authorization: value }
      send(source, source, 'created', {
        headers: { ...trace, 'X-Tenant-Id': value, 'nameko.auth_token': value, 'nameko.user_id': value },
      })
    }
    send(source, source, 'created', { headers: { 'x-tenant-id': 'acme' } })
    await expect
      .poll(() => bus.status().handlers[0]!.handled + bus.status().handlers[0]!.failed)
      .toBe(values.length + 1)
    expect(got.map((headers) => headers['x-tenant-id'])).toContain('acme')
    for (const headers of got) {
      expect(headers['x-admin']).toBeUndefined()
      expect(headers.authorization).toBeUndefined()
      for (const name of Object.keys(headers)) expect(name).not.toMatch(/admin|list|bytes/)
    }
  })

  test.each<[string, Partial<Message>]>([
    ['a body without an end', { body: Buffer.from('{"a":') }],
    ['no UTF-8', { body: Buffer.from([0x22, 0xff, 0xfe, 0x22]) }],
    ['an empty body', { body: Buffer.alloc(0) }],
    [
      'a content type with lines and colours',
      { contentType: 'application/json\n2026 ERROR forged\u001b[31m+json', body: Buffer.from('x') },
    ],
  ])('%s goes to the dead letters at once, with one line in the log', async (_, message) => {
    const source = unique('orders')
    const { sidecar, bus } = await startBus(source, { url: `memory:${source}` })
    const printed: string[] = []
    const { error } = createLogger('error', (line) => void printed.push(line))
    sidecar.on('eventFailed', ({ error: failure }) => error(`seen: ${messageOf(failure)}`))
    const { queue, ready } = bus.on(source, 'created', () => {})
    await ready
    const failed = once(sidecar, 'eventFailed')
    send(source, source, 'created', message)
    const [{ next }] = (await failed) as [{ next: string }]
    expect(next).toBe('dead-letter')
    await expect.poll(() => memoryQueues(source).deadLetters(queue)).toHaveLength(1)
    const [letter] = memoryQueues(source).deadLetters(queue)
    const { reason } = letter!
    expect(reason).not.toMatch(/[\n\r\u001b]/)
    expect(reason.length).toBeLessThanOrEqual(1_000)
    expect(printed).toHaveLength(1)
    expect(printed[0]!.trimEnd()).not.toMatch(/[\n\u001b]/)
  })

  test('JSON with the mark of kombu in it costs little more than other JSON, however deep it is', () => {
    const nested = 200_000
    const texts = [`["__type__",${'1,'.repeat(500_000)}1]`, `${'['.repeat(nested)}"__type__"${']'.repeat(nested)}`]
    for (const text of texts)
      expect(leastCpuTime(7, () => void parseKombuJson(text))).toBeLessThan(
        4 * leastCpuTime(7, () => void JSON.parse(text)) + 20,
      )
  })

  test('an error that repeats a large body fills neither the log nor the status', async () => {
    const source = unique('orders')
    const { bus, lines } = openBus(source, { url: `memory:${source}` })
    const handle = (data: unknown) => {
      throw new Error(`no such order: ${String(data)}`)
    }
    await bus.on(source, 'created', handle, { retry: false }).ready
    send(source, source, 'created', { body: Buffer.from(JSON.stringify('x'.repeat(5_000_000))) })
    await expect.poll(() => bus.status().handlers[0]!.buried).toBe(1)
    expect(bus.status().handlers[0]!.lastError!.length).toBeLessThanOrEqual(2_000)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(5_000)
  })

  test('its figures have the names of the handler, whatever it holds', async () => {
    const source = unique('orders')
    const { sidecar, bus } = await startBus(source, { url: `memory:${source}` })
    const seen = recorder()
    await bus.on(source, 'created', seen.handle).ready
    for (let at = 0; at < 50; at++) {
      send(source, source, 'created', {
        messageId: `${at}\n${'m'.repeat(1_000)}`,
        headers: { [`h${at}`]: at, 'nameko.call_id_stack': [`${at}`, {}, null] },
      })
    }
    await seen.count(50)
    await expect.poll(() => bus.status().handlers[0]!.handled).toBe(50)
    const names = sidecar.stats().operations.filter(({ kind }) => kind === 'event')
    expect(names.map(({ name, count }) => `${name} ${count}`)).toEqual([`${source} created 50`])
  })
})

describe('headers that amqplib reads and does not write', () => {
  const require = createRequire(import.meta.url)
  const { encodeProperties } = require(join(dirname(require.resolve('amqplib')), 'lib/defs.js')) as {
    encodeProperties(id: number, channel: number, size: number, properties: object): Buffer
  }
  const deliveredWith = (headers: object, more: object = {}) =>
    ({ content: Buffer.from('{}'), fields: {}, properties: { headers, ...more } }) as never
  const BASIC_PROPERTIES = 60
  const written = (properties: object) => encodeProperties(BASIC_PROPERTIES, 1, 2, properties)
  const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) })

  test.each<[string, object]>([
    ['NaN', { bad: NaN }],
    ['a large negative float', { bad: -1e30 }],
    ['a float between integers', { bad: 2 ** 51 + 0.5 }],
    ['infinity', { bad: -Infinity, also: Infinity }],
    ['a key of the library', { bad: { '!': 'no type', value: 1 } }],
    ['a timestamp of the far future', { bad: { '!': 'timestamp', value: 2 ** 64 } }],
    ['a list of those', { bad: [NaN, { '!': 7 }, [undefined]] }],
    ['100 KB', { bad: 'x'.repeat(100_000) }],
    ['100 KB of many', Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`h${at}`, 'x'.repeat(20)]))],
    ['a name of 300 bytes', { ['ü'.repeat(150)]: 1 }],
    ['tables in tables', { bad: nested(2_000) }],
  ])('%s: the event still comes again, and reaches the dead letters', (_, headers) => {
    const raw = deliveredWith({ good: 'kept', ...headers })
    for (const properties of [retryProperties(raw, 2), deadProperties(raw, 'r'.repeat(1_000), 'x.events', 'y')]) {
      expect(() => written(properties)).not.toThrow()
      expect(properties.headers).toMatchObject({ good: 'kept' })
    }
    expect(retryProperties(raw, 2).headers).toMatchObject({ 'x-sidecar-attempt': 2 })
  })

  test('what can be written stays as it is; what is left out is named', () => {
    const fine = {
      t: true,
      n: null,
      i: 2 ** 60,
      f: 0.5,
      s: 'ü',
      l: [1, 'a'],
      d: { '!': 'decimal', value: { places: 2, digits: 314 } },
    }
    const bytes = Buffer.from('bytes')
    expect(retryProperties(deliveredWith({ ...fine, bytes }), 2).headers).toEqual({
      ...fine,
      bytes,
      'x-sidecar-attempt': 2,
    })
    expect(retryProperties(deliveredWith({ big: 'x'.repeat(70_000) }), 2).headers).toEqual({
      ...{ 'x-sidecar-left-out': 'big', 'x-sidecar-attempt': 2 },
    })
  })

  test('a date that is none, and an attempt that is none', () => {
    const raw = deliveredWith({ 'x-sidecar-attempt': -3.5 }, { timestamp: 2 ** 64 })
    const message = new AmqpMessage(raw)
    expect([message.timestamp, message.attempt]).toEqual([undefined, 1])
    expect(() => written(retryProperties(raw, 2))).not.toThrow()
    expect(new AmqpMessage(deliveredWith({}, { timestamp: 1 })).timestamp).toEqual(new Date(1_000))
  })
})
