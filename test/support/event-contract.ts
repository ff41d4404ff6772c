import { once } from 'node:events'
import { currentContext, runWithContext } from 'nacos-sidecar'
import { UnrecoverableError, type EventBus, type EventsOptions, type EventSubscription } from 'nacos-sidecar/events'
import { afterAll, describe, expect, test as define } from 'vitest'
import * as z from 'zod'
import { gate, openBus, recorder, startBus, unique, type BusMember, type Seen } from './event-bus.js'
import { startTracer } from './tracer.js'

/** What the contract asks of a broker beside the bus. */
export interface ContractBroker {
  /** For `events(sidecar, { url })`. */
  readonly url: string
  /** How many events wait in a queue; 0 if it is not there. */
  waiting(queue: string): Promise<number>
  /** What lies in the dead letters of a queue, oldest first. @param queue as `subscription.queue` */
  deadLetters(queue: string): Promise<readonly { messageId?: string | undefined; body: string; reason: string }[]>
  /** Sends as a client of another make would: no id, no timestamp. */
  send(source: string, type: string, message: { body: Buffer; contentType: string; headers?: object }): Promise<void>
  /** Cuts every connection. They are made anew by themselves. */
  cut(): Promise<void>
  /** Cuts every connection and takes no new one; the result ends that. */
  down(): Promise<() => Promise<void>>
}

/** A service of another make that takes part. */
export interface ContractPeer {
  /** Tests that make no sense with it, by their titles, and why. */
  readonly without: Readonly<Record<string, string>>
  /** A bus whose events the peer emits. Beside its handlers, but those of singletons, one of the peer has to get the same events. */
  join(member: BusMember, service: string): EventBus
  /** Another handler of a singleton. Returns what tells of its events so far. */
  share(source: string, type: string): Promise<() => Promise<readonly unknown[]>>
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CONTEXT = {
  token: 'caller-token',
  traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  headers: { 'x-tenant-id': 'acme' },
}
const FORWARD = { 'sidecar.forward-headers': 'x-tenant-id' }
const ready = (...subscriptions: EventSubscription[]) => Promise.all(subscriptions.map((one) => one.ready))
const until = (isSo: () => unknown) => expect.poll(isSo, { interval: 5, timeout: 10_000 })

/**
 * What events do on any broker.
 *
 * @param open the same for all tests of the suite
 * @param peer emits all events, and handles them beside. @default Node alone
 */
export function eventContract(
  name: string,
  open: () => ContractBroker | Promise<ContractBroker>,
  peer?: ContractPeer,
): void {
  const broker = async () => open()
  const start = async (service: string, settings?: object, options: EventsOptions = {}): Promise<BusMember> => {
    const member = await startBus(service, { url: (await broker()).url, ...options }, settings)
    return peer === undefined ? member : { ...member, bus: peer.join(member, service) }
  }
  const titles = new Set<string>()
  const test = (title: string, body: () => void | Promise<void>) => {
    titles.add(title)
    define(title, ({ skip }) => {
      const reason = peer?.without[title]
      return reason === undefined ? body() : skip(`${name}: ${title}: ${reason}`)
    })
  }

  describe(`events on ${name}: which handlers get an event`, () => {
    test('pool: one instance of each service', async () => {
      const source = unique('orders')
      const all = [recorder(), recorder(), recorder()] as const
      const [emitter, mail1, mail2, stock] = await Promise.all([
        start(source),
        ...['mail', 'mail', 'stock'].map((service) => start(`${source}-${service}`)),
      ])
      await ready(
        ...[mail1!, mail2!, stock!].map(({ bus }, at) =>
          bus.on(source, 'created', all[at]!.handle, { concurrency: 1 }),
        ),
      )
      for (let id = 0; id < 10; id++) await emitter!.bus.emit('created', { id })
      const [one, two, three] = all
      await until(() => one.seen.length + two.seen.length).toBe(10)
      await three.count(10)
      const ids = [...one.data(), ...two.data()].map((data) => (data as { id: number }).id)
      expect(new Set(ids).size).toBe(10)
      expect(Math.min(one.seen.length, two.seen.length)).toBeGreaterThan(0)
    })

    test('singleton: one instance of all services', async () => {
      const source = unique('orders')
      const [one, two] = [recorder(), recorder()]
      const members = await Promise.all([start(`${source}-a`), start(`${source}-b`)])
      const options = { mode: 'singleton', concurrency: 1 } as const
      await ready(
        members[0].bus.on(source, 'paid', one.handle, options),
        members[1].bus.on(source, 'paid', two.handle, options),
      )
      const theirs = await peer?.share(source, 'paid')
      const all = async () => [...one.data(), ...two.data(), ...((await theirs?.()) ?? [])]
      for (let id = 0; id < 6; id++) await members[0].bus.emit('paid', id, { source })
      await until(async () => (await all()).length).toBe(6)
      expect(new Set(await all())).toEqual(new Set([0, 1, 2, 3, 4, 5]))
      if (theirs) expect(await theirs()).not.toEqual([])
    })

    test('broadcast: every instance of every service', async () => {
      const source = unique('prices')
      const all = [recorder(), recorder(), recorder()]
      const members = await Promise.all(['shop', 'shop', 'pos'].map((service) => start(`${source}-${service}`)))
      const queues = members.map(({ bus }, at) => bus.on(source, 'changed', all[at]!.handle, { mode: 'broadcast' }))
      await ready(...queues)
      expect(new Set(queues.map(({ queue }) => queue)).size).toBe(3)
      await members[0]!.bus.emit('changed', 'EUR', { source })
      await Promise.all(all.map((one) => one.count(1)))
      expect(all.map((one) => one.data())).toEqual([['EUR'], ['EUR'], ['EUR']])
    })

    test('two handlers of one service, each with its name, get the event each', async () => {
      const source = unique('orders')
      const { bus } = await start(source)
      const [mail, index] = [recorder(), recorder()]
      await ready(bus.on(source, 'created', mail.handle), bus.on(source, 'created', index.handle, { name: 'index' }))
      await bus.emit('created', 1)
      await Promise.all([mail.count(1), index.count(1)])
    })

    test('queues are named as those of Nameko', async () => {
      const source = unique('orders')
      const { bus } = await start('shop')
      const queue = (options: object) => bus.on(source, 'order.created', () => {}, options).queue
      expect(queue({})).toBe(`evt-${source}-order.created--shop.order.created`)
      expect(queue({ name: 'on_created' })).toBe(`evt-${source}-order.created--shop.on_created`)
      expect(queue({ mode: 'singleton' })).toBe(`evt-${source}-order.created`)
      expect(queue({ mode: 'broadcast' })).toMatch(/^evt-.*--shop\.order\.created-[\da-f]{32}$/)
    })

    test('only the type that was asked for, be it the beginning of another one', async () => {
      const source = unique('orders')
      const { bus } = await start(source)
      const [short, long] = [recorder(), recorder()]
      await ready(bus.on(source, 'order', short.handle), bus.on(source, 'order.created', long.handle))
      await bus.emit('order.created', 'long')
      await bus.emit('order', 'short')
      await Promise.all([short.count(1), long.count(1)])
      expect([short.data(), long.data()]).toEqual([['short'], ['long']])
    })

    test('an event for which no queue is there is emitted, and gone', async () => {
      const source = unique('orders')
      const { bus } = await start(source)
      await bus.emit('created', 'before')
      const late = recorder()
      await bus.on(source, 'created', late.handle).ready
      await bus.emit('created', 'after')
      await late.count(1)
      expect(late.data()).toEqual(['after'])
    })

    test('a queue of a pool holds events while no instance runs', async () => {
      const source = unique('orders')
      const emitter = await start(source)
      const first = await start('shop')
      await first.bus.on(source, 'created', () => {}).ready
      await first.sidecar.stop({ drain: false })
      for (const id of [1, 2, 3]) await emitter.bus.emit('created', id)
      const second = await start('shop')
      const late = recorder()
      second.bus.on(source, 'created', late.handle, { concurrency: 1 })
      await late.count(3)
      expect(late.data()).toEqual([1, 2, 3])
    })
  })

  describe(`events on ${name}: what arrives`, () => {
    test('data as JSON has it, in any script', async () => {
      const source = unique('data')
      const { bus } = await start(source)
      const got = recorder()
      await bus.on(source, 'any', got.handle, { concurrency: 1 }).ready
      const values = [
        null,
        0,
        -1.5,
        '',
        'text',
        true,
        [],
        {},
        [1, [2]],
        { 名: '北京 🍵', 'a b': { c: [null] }, e: 'é\u2028\u0000' },
      ]
      for (const value of values) await bus.emit('any', value)
      await got.count(values.length)
      expect(got.data()).toEqual(values)
    })

    test('a body of 2 MB', async () => {
      const source = unique('data')
      const { bus } = await start(source)
      const got = recorder()
      await bus.on(source, 'big', got.handle).ready
      const text = '大x'.repeat(500_000)
      await bus.emit('big', { text })
      const [{ data }] = (await got.count(1)) as [Seen]
      expect((data as { text: string }).text === text).toBe(true)
    })

    test('bytes and text of a content type of their own', async () => {
      const source = unique('data')
      const { bus } = await start(source)
      const got = recorder()
      await bus.on(source, 'raw', got.handle, { concurrency: 1 }).ready
      await bus.emit('raw', Buffer.from([0, 255, 1]))
      await bus.emit('raw', new Uint8Array([7]), { contentType: 'image/png' })
      await bus.emit('raw', 'a,b\n', { contentType: 'text/csv' })
      await got.count(3)
      expect(got.data()).toEqual([Buffer.from([0, 255, 1]), Buffer.from([7]), 'a,b\n'])
    })

    test('a codec of the app', async () => {
      const source = unique('data')
      const codec = {
        contentType: 'application/x-reversed',
        encode: (data: unknown) => [...JSON.stringify(data)].reverse().join(''),
        decode: (body: Buffer) => JSON.parse([...body.toString()].reverse().join('')) as unknown,
      }
      const { bus } = await start(source, {}, { codec })
      const got = recorder()
      await bus.on(source, 'any', got.handle).ready
      await bus.emit('any', { id: 12 })
      await got.count(1)
      expect(got.data()).toEqual([{ id: 12 }])
    })

    test('an id, the time, the attempt, and headers', async () => {
      const source = unique('facts')
      const { bus } = await start(source)
      const got = recorder()
      await bus.on(source, 'any', got.handle, { concurrency: 1 }).ready
      const since = Date.now()
      await bus.emit('any', 1)
      await bus.emit('any', 2, { messageId: 'order-7', headers: { priority: 3, urgent: true, from: 'web' } })
      const [first, second] = (await got.count(2)).map(({ work }) => work)
      expect(first).toMatchObject({ source, type: 'any', attempt: 1, redelivered: false })
      expect(first!.messageId).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/)
      // AMQP counts seconds.
      expect(first!.timestamp!.getTime()).toBeGreaterThan(since - 1_001)
      expect(first!.timestamp!.getTime()).toBeLessThanOrEqual(Date.now())
      expect(second).toMatchObject({ messageId: 'order-7', headers: { priority: 3, urgent: true, from: 'web' } })
      expect(second!.signal.aborted).toBe(false)
    })

    test('an event of a client of another make', async () => {
      const source = unique('nameko')
      const { bus } = await start('shop')
      const got = recorder()
      await bus.on(source, 'created', got.handle).ready
      const headers = { 'nameko.user_id': 7 }
      await (
        await broker()
      ).send(source, 'created', { body: Buffer.from('{"id": 1}'), contentType: 'application/json', headers })
      const [{ data, work }] = (await got.count(1)) as [Seen]
      expect(data).toEqual({ id: 1 })
      expect(work).toMatchObject({ messageId: undefined, attempt: 1, headers })
    })

    test('an event in the name of another service', async () => {
      const source = unique('orders')
      const { bus } = await start('shop')
      const got = recorder()
      await bus.on(source, 'created', got.handle).ready
      await bus.emit('created', 1, { source })
      expect((await got.count(1))[0]!.work.source).toBe(source)
    })

    test('with concurrency 1, in the order of emits', async () => {
      const source = unique('order')
      const { bus } = await start(source)
      const got = recorder(({ data }) => new Promise((resolve) => setTimeout(resolve, (data as number) % 3)))
      await bus.on(source, 'any', got.handle, { concurrency: 1 }).ready
      const numbers = Array.from({ length: 50 }, (_, n) => n)
      for (const n of numbers) await bus.emit('any', n)
      await got.count(50)
      expect(got.data()).toEqual(numbers)
    })

    test('500 that are emitted at once, each once', async () => {
      const source = unique('many')
      const [emitter, one, two] = await Promise.all([start(source), start('shop'), start('shop')])
      const [first, second] = [recorder(), recorder()]
      await ready(one.bus.on(source, 'any', first.handle), two.bus.on(source, 'any', second.handle))
      await Promise.all(Array.from({ length: 500 }, (_, id) => emitter.bus.emit('any', id)))
      await until(() => first.seen.length + second.seen.length).toBe(500)
      expect(new Set([...first.data(), ...second.data()]).size).toBe(500)
    })
  })

  describe(`events on ${name}: handlers`, () => {
    test('as many events in hand as concurrency says, not one more', async () => {
      const source = unique('limit')
      const { bus, sidecar } = await start(source)
      const go = gate()
      let [running, most] = [0, 0]
      const got = recorder(async () => {
        most = Math.max(most, ++running)
        await go.passed
        running--
      })
      const subscription = bus.on(source, 'any', got.handle, { concurrency: 3 })
      await subscription.ready
      await Promise.all(Array.from({ length: 9 }, (_, id) => bus.emit('any', id)))
      await got.count(3)
      const found = await broker()
      await until(() => found.waiting(subscription.queue)).toBe(6)
      expect(sidecar.status().events[0]!.handlers[0]).toMatchObject({ inHand: 3, concurrency: 3 })
      go.open()
      await got.count(9)
      expect(most).toBe(3)
    })

    test('one that fails gets the event again after the delay, with the same id', async () => {
      const source = unique('retry')
      const { bus, sidecar } = await start(source)
      const at: number[] = []
      const got = recorder(({ work }) => {
        at.push(performance.now())
        if (work.attempt < 3) throw new Error('not yet')
      })
      const failures: unknown[] = []
      sidecar.on('eventFailed', ({ attempt, next, delayMs }) => failures.push({ attempt, next, delayMs }))
      const subscription = bus.on(source, 'any', got.handle, { retry: { attempts: 3, delay: 100 } })
      await subscription.ready
      await bus.emit('any', { id: 1 }, { messageId: 'one' })
      const seen = await got.count(3)
      expect(seen.map(({ work }) => work.attempt)).toEqual([1, 2, 3])
      expect(new Set(seen.map(({ work }) => work.messageId))).toEqual(new Set(['one']))
      expect(at[1]! - at[0]!).toBeGreaterThan(95)
      expect(failures).toEqual([1, 2].map((attempt) => ({ attempt, next: 'retry', delayMs: 100 })))
      await until(() => sidecar.status().events[0]!.handlers[0]!.handled).toBe(1)
      expect(sidecar.status().events[0]!.handlers[0]).toMatchObject({ failed: 2, retried: 2, buried: 0 })
      expect(await (await broker()).deadLetters(subscription.queue)).toEqual([])
    })

    test('the delay grows by the factor, up to its limit', async () => {
      const source = unique('retry')
      const { bus, sidecar } = await start(source)
      const delays: unknown[] = []
      sidecar.on('eventFailed', ({ delayMs }) => delays.push(delayMs))
      const got = recorder(() => Promise.reject(new Error('never')))
      const retry = { attempts: 5, delay: 20, factor: 2, maxDelay: 50 }
      await bus.on(source, 'any', got.handle, { retry }).ready
      await bus.emit('any', 1)
      await got.count(5)
      await until(() => delays.length).toBe(5)
      expect(delays).toEqual([20, 40, 50, 50, undefined])
    })

    test('an event that waits for its retry holds no other one up', async () => {
      const source = unique('retry')
      const { bus } = await start(source)
      const go = gate()
      const got = recorder(async ({ data, work }) => {
        if (data !== 'bad' || work.attempt > 1) return
        await go.passed
        throw new Error('once')
      })
      await bus.on(source, 'any', got.handle, { concurrency: 1, retry: { delay: 500 } }).ready
      for (const data of ['bad', 'good', 'good too']) await bus.emit('any', data)
      // The others are in the queue, so that the delay is for their handling alone.
      go.open()
      await got.count(4)
      expect(got.data()).toEqual(['bad', 'good', 'good too', 'bad'])
    })

    test('after the last attempt it lies in the dead letters, as it came, with the reason', async () => {
      const source = unique('dead')
      const { bus, lines, sidecar } = await start(source)
      const got = recorder(() => Promise.reject(new TypeError('password=abc is wrong')))
      const subscription = bus.on(source, 'any', got.handle, { retry: { attempts: 2, delay: 10 } })
      await subscription.ready
      await bus.emit('any', { id: 7 }, { messageId: 'seven' })
      const found = await broker()
      await until(async () => (await found.deadLetters(subscription.queue)).length).toBe(1)
      const [letter] = await found.deadLetters(subscription.queue)
      expect(letter).toMatchObject({ messageId: 'seven' })
      expect(JSON.parse(letter!.body)).toEqual({ id: 7 })
      expect(letter!.reason).toBe('TypeError: password=*** is wrong')
      expect(lines.filter((line) => /^error .*dead letters/.test(line))).toHaveLength(1)
      expect(lines.join()).not.toContain('abc')
      await until(() => sidecar.status().events[0]!.handlers[0]).toMatchObject({ buried: 1, retried: 1, failed: 2 })
    })

    test('an UnrecoverableError sends the event to the dead letters at once', async () => {
      const source = unique('dead')
      const { bus } = await start(source)
      const got = recorder(() => {
        throw new UnrecoverableError('there is no order 7')
      })
      const subscription = bus.on(source, 'any', got.handle)
      await subscription.ready
      await bus.emit('any', 7)
      const found = await broker()
      await until(async () => (await found.deadLetters(subscription.queue))[0]?.reason).toBe('there is no order 7')
      expect(got.seen).toHaveLength(1)
    })

    test('retry: false, the dead letters at once', async () => {
      const source = unique('dead')
      const { bus } = await start(source)
      const got = recorder(() => Promise.reject(new Error('no')))
      const subscription = bus.on(source, 'any', got.handle, { retry: false })
      await subscription.ready
      await bus.emit('any', 7)
      const found = await broker()
      await until(async () => (await found.deadLetters(subscription.queue)).length).toBe(1)
      expect(got.seen).toHaveLength(1)
    })

    test('a body that cannot be read goes to the dead letters, and others are handled', async () => {
      const source = unique('poison')
      const { bus, sidecar } = await start(source)
      const got = recorder()
      const subscription = bus.on(source, 'any', got.handle, { concurrency: 1 })
      await subscription.ready
      const found = await broker()
      const failed = once(sidecar, 'eventFailed')
      const contentType = 'application/json'
      await found.send(source, 'any', { body: Buffer.from('{"id":'), contentType })
      await found.send(source, 'any', { body: Buffer.from([0x22, 0xff, 0x22]), contentType })
      await bus.emit('any', 'good')
      await got.count(1)
      expect(got.data()).toEqual(['good'])
      await until(async () => (await found.deadLetters(subscription.queue)).length).toBe(2)
      expect((await found.deadLetters(subscription.queue))[0]!.reason).toMatch(/^its body is not application\/json: /)
      expect((await failed)[0]).toMatchObject({ attempt: 1, next: 'dead-letter' })
    })

    test('a body above maxBytes goes to the dead letters unread, and others are handled', async () => {
      const source = unique('large')
      const emitter = await start(source)
      const read: string[] = []
      const codec = {
        contentType: 'application/json',
        encode: (data: unknown) => JSON.stringify(data),
        decode: (body: Buffer) => (read.push(body.toString()), JSON.parse(body.toString()) as unknown),
      }
      const { bus } = await start('shop', {}, { codec, maxBytes: 100 })
      const got = recorder()
      const subscription = bus.on(source, 'any', got.handle, { concurrency: 1 })
      await subscription.ready
      const large = 'x'.repeat(99)
      for (const data of [large, 'x'.repeat(98)]) await emitter.bus.emit('any', data, { messageId: 'one' })
      await got.count(1)
      expect(read).toEqual([JSON.stringify('x'.repeat(98))])
      const found = await broker()
      await until(async () => (await found.deadLetters(subscription.queue)).length).toBe(1)
      expect(await found.deadLetters(subscription.queue)).toEqual([
        {
          ...{ messageId: 'one', body: JSON.stringify(large) },
          reason: 'the event has 101 bytes, the limit is 100 (option maxBytes)',
        },
      ])
    })

    test('data that does not pass the schema goes to the dead letters; else the handler gets what the schema makes', async () => {
      const source = unique('schema')
      const { bus } = await start(source)
      const got = recorder()
      const schema = z.object({ id: z.number(), at: z.coerce.date() }).refine(async ({ id }) => id < 100, 'too large')
      const subscription = bus.on(source, 'any', got.handle, { schema, concurrency: 1 })
      await subscription.ready
      for (const id of ['x', 100, 7]) await bus.emit('any', { id, at: '2026-01-02T00:00:00Z', more: 1 })
      await got.count(1)
      expect(got.data()).toEqual([{ id: 7, at: new Date('2026-01-02T00:00:00Z') }])
      const found = await broker()
      await until(async () => (await found.deadLetters(subscription.queue)).length).toBe(2)
      const reasons = (await found.deadLetters(subscription.queue)).map(({ reason }) => reason)
      expect(reasons[0]).toMatch(/^it does not pass its schema: id: /)
      expect(reasons[1]).toMatch(/too large/)
    })

    test('one that takes longer than its timeout is aborted, and gets the event again', async () => {
      const source = unique('slow')
      const { bus, sidecar } = await start(source)
      const aborted: unknown[] = []
      const got = recorder(({ work }) => {
        if (work.attempt > 1) return
        return new Promise(() => work.signal.addEventListener('abort', () => aborted.push(work.signal.reason)))
      })
      const failed = once(sidecar, 'eventFailed')
      await bus.on(source, 'any', got.handle, { timeout: 50, retry: { delay: 1 } }).ready
      await bus.emit('any', 1)
      await got.count(2)
      expect(aborted).toMatchObject([{ code: 'SIDECAR_EVENT_TIMEOUT' }])
      expect((await failed)[0]).toMatchObject({ error: { code: 'SIDECAR_EVENT_TIMEOUT' }, next: 'retry' })
    })

    test('a subscription that is ended takes no further event; what is in hand ends', async () => {
      const source = unique('ended')
      const { bus, sidecar } = await start(source)
      const go = gate()
      const first = recorder(() => go.passed)
      const subscription = bus.on(source, 'any', first.handle, { concurrency: 1 })
      await subscription.ready
      await bus.emit('any', 1)
      await bus.emit('any', 2)
      await first.count(1)
      subscription()
      const second = recorder()
      await bus.on(source, 'any', second.handle).ready
      await second.count(1)
      expect(second.data()).toEqual([2])
      expect(sidecar.status().events[0]!.handlers).toHaveLength(1)
      go.open()
    })

    test('figures of what was emitted and handled', async () => {
      const source = unique('figures')
      const { bus, sidecar } = await start(source)
      const got = recorder(({ data }) => {
        if (data === 'bad') throw new UnrecoverableError('no')
      })
      await bus.on(source, 'any', got.handle).ready
      for (const data of ['good', 'good', 'bad']) await bus.emit('any', data)
      await got.count(3)
      const figures = () =>
        sidecar
          .stats()
          .operations.filter(({ kind }) => kind === 'event')
          .map(({ name: of, count, errors }) => `${of} ${count} ${errors}`)
          .sort()
      await until(figures).toEqual([`${source} any 3 1`, `emit ${source} any 3 0`].sort())
      expect(sidecar.status().events[0]).toMatchObject({ emitted: 3, emitFailures: 0 })
    })
  })

  describe(`events on ${name}: context`, () => {
    test('trace and forwarded headers are the context of the handler, the token is not', async () => {
      const source = unique('context')
      const { bus } = await start(source, FORWARD)
      const contexts: unknown[] = []
      const got = recorder(() => contexts.push(currentContext()))
      await bus.on(source, 'any', got.handle).ready
      await runWithContext(CONTEXT, () => bus.emit('any', 1))
      const [{ work }] = (await got.count(1)) as [Seen]
      const { token, ...rest } = CONTEXT
      expect(contexts).toEqual([rest])
      expect(JSON.stringify(work.headers)).not.toContain(token)
    })

    test('with forward-token, the token too', async () => {
      const source = unique('context')
      const { bus } = await start(source, { ...FORWARD, 'sidecar.events.forward-token': true })
      const contexts: unknown[] = []
      const got = recorder(() => contexts.push(currentContext()))
      await bus.on(source, 'any', got.handle).ready
      await runWithContext(CONTEXT, () => bus.emit('any', 1))
      await got.count(1)
      expect(contexts).toEqual([CONTEXT])
    })

    test('a handler runs in no other context: not that of the code that added it', async () => {
      const source = unique('context')
      const { bus } = await start(source, FORWARD)
      const contexts: unknown[] = []
      const got = recorder(() => contexts.push(currentContext()?.token, currentContext()?.headers))
      await runWithContext(CONTEXT, () => bus.on(source, 'any', got.handle).ready)
      await bus.emit('any', 1)
      await got.count(1)
      expect(contexts).toEqual([undefined, undefined])
    })

    test('the context is there in each attempt, and events of a handler carry it on', async () => {
      const source = unique('context')
      const { bus } = await start(source, FORWARD)
      const contexts: unknown[] = []
      const last = recorder(() => contexts.push(currentContext()))
      const first = recorder(async ({ work }) => {
        if (work.attempt === 1) throw new Error('once')
        await bus.emit('second', 1)
      })
      await ready(bus.on(source, 'first', first.handle, { retry: { delay: 1 } }), bus.on(source, 'second', last.handle))
      await runWithContext(CONTEXT, () => bus.emit('first', 1))
      await last.count(1)
      const { traceparent, headers } = CONTEXT
      expect(contexts).toMatchObject([{ traceparent, headers }])
    })

    test('one trace: the span of the handler is below that of the emit', async () => {
      const tracer = startTracer()
      const source = unique('trace')
      const { bus } = await start(source)
      const got = recorder()
      await bus.on(source, 'any', got.handle).ready
      const { traceId, spanId } = await tracer.within(() => bus.emit('any', 1, { messageId: 'one' }))
      await got.count(1)
      const span = (of: string) => tracer.spans().find((one) => one.name === of)
      await until(() => span(`${source} any`)).toBeDefined()
      const [sent, handled] = [span(`emit ${source} any`)!, span(`${source} any`)!]
      expect([sent.spanContext().traceId, handled.spanContext().traceId]).toEqual([traceId, traceId])
      expect(sent.parentSpanContext?.spanId).toBe(spanId)
      expect(handled.parentSpanContext?.spanId).toBe(sent.spanContext().spanId)
      // PRODUCER and CONSUMER
      expect([sent.kind, handled.kind]).toEqual([3, 4])
      expect(handled.attributes).toMatchObject({
        'messaging.destination.name': `${source}.events`,
        'messaging.message.id': 'one',
        'messaging.operation.type': 'process',
      })
    })
  })

  describe(`events on ${name}: start and stop`, () => {
    test('handlers begin when the start hooks have run', async () => {
      const source = unique('start')
      const go = gate()
      const emitter = await start(source)
      const { sidecar, bus } = openBus('shop', { url: (await broker()).url }, {}, { onStart: () => go.passed })
      const got = recorder()
      const subscription = bus.on(source, 'any', got.handle)
      const pool = await start('shop')
      await pool.bus.on(source, 'any', () => {}).ready
      await pool.sidecar.stop({ drain: false })
      await emitter.bus.emit('any', 1)
      expect(await (await broker()).waiting(subscription.queue)).toBe(1)
      expect(got.seen).toEqual([])
      go.open()
      await sidecar.ready
      await got.count(1)
    })

    test('an instance that leaves ends what it has in hand, and takes no further one', async () => {
      const source = unique('leave')
      const emitter = await start(source)
      const leaving = await start('shop')
      const go = gate()
      const got = recorder(() => go.passed)
      const subscription = leaving.bus.on(source, 'any', got.handle, { concurrency: 2 })
      await subscription.ready
      for (const id of [1, 2, 3]) await emitter.bus.emit('any', id)
      await got.count(2)
      const stopped = leaving.sidecar.stop({ drain: false })
      await emitter.bus.emit('any', 4)
      go.open()
      await stopped
      expect(got.seen).toHaveLength(2)
      expect(() => leaving.bus.on(source, 'late', () => {})).toThrowError(
        expect.objectContaining({ code: 'SIDECAR_STOPPED' }),
      )
      const second = await start('shop')
      const rest = recorder()
      second.bus.on(source, 'any', rest.handle, { concurrency: 1 })
      await rest.count(2)
      expect(rest.seen.map(({ data, work }) => [data, work.redelivered])).toEqual([
        [3, false],
        [4, false],
      ])
    })

    test('what is not done when the process waits no longer is aborted, and goes to another instance', async () => {
      const source = unique('leave')
      const emitter = await start(source)
      const leaving = await start('shop', { 'sidecar.leave-timeout': 600 })
      let reason: unknown
      const got = recorder(({ work }) => {
        work.signal.addEventListener('abort', () => (reason = work.signal.reason))
        return new Promise(() => {})
      })
      await leaving.bus.on(source, 'any', got.handle).ready
      await emitter.bus.emit('any', 1, { messageId: 'one' })
      await got.count(1)
      await leaving.sidecar.stop({ drain: false })
      expect(reason).toMatchObject({ code: 'SIDECAR_STOPPED' })
      const second = recorder()
      ;(await start('shop')).bus.on(source, 'any', second.handle)
      const [{ work }] = (await second.count(1)) as [Seen]
      expect(work).toMatchObject({ messageId: 'one', attempt: 1, redelivered: true })
    })

    test('emit works in stop hooks, and not after the stop', async () => {
      const source = unique('leave')
      const { sidecar, bus } = await start(source)
      const other = await start('shop')
      const got = recorder()
      await other.bus.on(source, 'gone', got.handle).ready
      sidecar.onStop(() => bus.emit('gone', 'goodbye'))
      await sidecar.stop({ drain: false })
      await got.count(1)
      await expect(bus.emit('gone', 'again')).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    })
  })

  describe(`events on ${name}: without the broker`, () => {
    test('after a connection that broke, what was in hand comes again, and emits go on', async () => {
      const source = unique('cut')
      const { bus } = await start(source)
      const go = gate()
      const got = recorder(({ work }) => (work.redelivered ? undefined : go.passed))
      await bus.on(source, 'any', got.handle, { concurrency: 1 }).ready
      await bus.emit('any', 1, { messageId: 'one' })
      await got.count(1)
      await (await broker()).cut()
      await got.count(2)
      // The first delivery is of no use any more: its end must not end another one.
      go.open()
      await bus.emit('any', 2)
      await got.count(3)
      expect(got.seen.map(({ data, work }) => [data, work.redelivered])).toEqual([
        [1, false],
        [1, true],
        [2, false],
      ])
    })

    test('emit waits for the connection, and rejects when its time is over', async () => {
      const source = unique('down')
      const { bus, sidecar } = await start(source, { 'sidecar.events.emit-timeout': 100 })
      const got = recorder()
      await bus.on(source, 'any', got.handle).ready
      const [lost, found] = [once(sidecar, 'busLost'), once(sidecar, 'busFound')]
      const up = await (await broker()).down()
      await lost
      await expect(bus.emit('any', 'early', { timeout: 50 })).rejects.toMatchObject({ code: 'SIDECAR_EVENT_NOT_SENT' })
      expect(sidecar.status().events[0]).toMatchObject({ broker: { connected: false }, emitFailures: 1 })
      const waiting = bus.emit('any', 'late', { timeout: '20s' })
      await up()
      await Promise.all([waiting, found])
      await got.count(1)
      expect(got.data()).toEqual(['late'])
      expect(sidecar.status().events[0]!.broker.connected).toBe(true)
    })

    test('emit rejects with the reason of its signal', async () => {
      const source = unique('down')
      const { bus } = await start(source)
      await bus.emit('any', 1)
      await expect(bus.emit('any', 1, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
      const up = await (await broker()).down()
      const controller = new AbortController()
      const waiting = bus.emit('any', 1, { signal: controller.signal, timeout: '20s' })
      controller.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
      await up()
    })

    test('a service starts, serves and leaves while the broker is down', async () => {
      const source = unique('down')
      const up = await (await broker()).down()
      const { bus } = await start(source)
      const got = recorder()
      const subscription = bus.on(source, 'any', got.handle)
      const early = await start(source)
      early.bus.on(source, 'any', () => {}, { name: 'other' })
      await early.sidecar.stop({ drain: false })
      await up()
      await subscription.ready
      await bus.emit('any', 1)
      await got.count(1)
    })
  })

  afterAll(() => {
    const unknown = Object.keys(peer?.without ?? {}).filter((title) => !titles.has(title))
    expect(unknown, 'tests that the contract does not have').toEqual([])
  })
}
