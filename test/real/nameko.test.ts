import { setTimeout as sleep } from 'node:timers/promises'
import { currentContext, runWithContext } from 'nacos-sidecar'
import { currentNamekoCall, namekoRpc, NamekoRemoteError, withParams } from 'nacos-sidecar/nameko'
import { describe, expect, test } from 'vitest'

import { besideNameko, holdFile, type NodeService } from './support/beside-nameko.js'

/** A service of Nameko, as Python has it. */
interface GreetingService {
  hello(name: string, title?: string): string
  echo(...args: unknown[]): { args: unknown[]; kwargs: Record<string, unknown> }
  fail(text: string): never
  out_of_stock(sku: string, left: number): never
  unserializable(): unknown
  kinds(): Record<string, unknown>
  held(path: string): string
  context_data(): Record<string, unknown>
  relay(method: string, ...args: unknown[]): Record<string, unknown>
  relay_unknown(): unknown
  emit(type: string, data: unknown): null
}

besideNameko('calls beside Nameko 2.14.1', ['GreetingService'], (beside) => {
  const node: typeof beside.node = (...args) => beside.node(...args)

  async function greetingOf({ nameko }: NodeService) {
    return nameko.service<GreetingService>('greeting_service', { timeout: '15s' })
  }

  const failure = async (call: Promise<unknown>) => {
    const error = await call.then(
      (result) => expect.unreachable(`it gave ${JSON.stringify(result)}`),
      (error: unknown) => error,
    )
    expect(error).toBeInstanceOf(Error)
    return error as NamekoRemoteError
  }

  describe('calls of a service of Nameko', () => {
    test('positional and keyword arguments, any JSON, and none', async () => {
      const { nameko } = await node()
      const greeting = nameko.service<GreetingService>('greeting_service')
      expect(await greeting.hello('Ada')).toBe('Hello, Ada!')
      expect(await greeting.hello('Ada', 'Dr')).toBe('Hello, Dr Ada!')
      expect(await greeting.hello.with({ title: 'Dr', name: 'Ada' })).toBe('Hello, Dr Ada!')
      const args = [1, 'é😀', null, true, { a: [1.5] }]
      expect(await greeting.echo(...args)).toEqual({ args, kwargs: {} })
      const request = { args: [1], kwargs: { b: [2] } }
      expect(await nameko.call('greeting_service', 'echo', request)).toEqual(request)
      expect(await greeting.emit('nothing', {})).toBeNull()
    })

    test('dates, decimals, ids and bytes come as text', async () => {
      expect(await (await greetingOf(await node())).kinds()).toEqual({
        ...{ at: '2026-11-30T08:15:00', day: '2026-11-30', price: '10.20', text: 'bytes' },
        ...{ id: '12345678-1234-5678-1234-567812345678', none: null, tuple: [1, 2] },
      })
    })

    test('errors of the service and of Nameko keep their names and fields', async () => {
      const { nameko } = await node()
      const greeting = nameko.service<GreetingService>('greeting_service')
      expect(await failure(greeting.fail('bad'))).toMatchObject({
        ...{ code: 'SIDECAR_NAMEKO_REMOTE', excType: 'ValueError', excPath: 'builtins.ValueError' },
        ...{ excArgs: ['bad'], value: 'bad', message: 'greeting_service.fail: ValueError: bad' },
      })
      expect(await failure(greeting.out_of_stock('sku-1', 0))).toMatchObject({
        ...{ excType: 'OutOfStock', excPath: 'greeting.OutOfStock', excArgs: ['sku-1', '0'] },
      })
      expect(await failure(greeting.unserializable())).toMatchObject({
        excType: 'UnserializableValueError',
        value: expect.stringContaining('Unserializable value'),
      })
      expect(await failure(nameko.call('greeting_service', 'nope'))).toMatchObject({
        ...{ excType: 'MethodNotFound', excPath: 'nameko.exceptions.MethodNotFound', excArgs: ['nope'] },
      })
      expect(await failure(nameko.call('greeting_service', 'hello', { kwargs: { nome: 'Ada' } }))).toMatchObject({
        ...{ excType: 'IncorrectSignature', excPath: 'nameko.exceptions.IncorrectSignature' },
        value: expect.stringContaining("unexpected keyword argument 'nome'"),
      })
    })

    test('a service that is not there is an error at once', async () => {
      const { nameko } = await node()
      expect(await failure(nameko.call('nowhere', 'hello'))).toMatchObject({
        ...{ code: 'SIDECAR_NO_INSTANCE', excType: 'UnknownService', excArgs: ['nowhere'] },
        message: 'nowhere.hello: UnknownService: Unknown service `nowhere`',
      })
    })

    test('a timeout and an abort end the wait; the late reply is dropped', async () => {
      const { nameko } = await node()
      const greeting = nameko.service<GreetingService>('greeting_service')
      const hold = holdFile()
      const impatient = nameko.service<GreetingService>('greeting_service', { timeout: 200 })
      expect(await failure(impatient.held(hold.path))).toMatchObject({
        ...{ code: 'SIDECAR_CALL_TIMEOUT', excType: 'RpcTimeout' },
        value: 'no reply within 200 ms',
      })
      const controller = new AbortController()
      const aborted = greeting.held.with({ path: hold.path }, { signal: controller.signal })
      await greeting.hello('Ada')
      controller.abort(new Error('not wanted'))
      expect(await failure(aborted)).toMatchObject({
        ...{ code: 'SIDECAR_CALL_ABORTED', cause: expect.objectContaining({ message: 'not wanted' }) },
      })
      hold.release()
      // What is accepted has been answered: both late replies are before the next one.
      await beside.workedOn('rpc-greeting_service', 0)
      expect(await greeting.hello('Ada')).toBe('Hello, Ada!')
    })

    test('100 calls at the same time come back to their callers, over one queue of replies', async () => {
      const greeting = await greetingOf(await node('many'))
      const numbers = Array.from({ length: 100 }, (_, index) => index)
      const replies = await Promise.all(numbers.map((number) => greeting.echo(number)))
      expect(replies.map(({ args }) => args[0])).toEqual(numbers)
      const queues = await beside.rabbitmq.queues()
      expect(queues.filter(({ name }) => name.startsWith('rpc.reply-many-'))).toHaveLength(1)
    })

    test('context data, trace and forwarded headers go along; the token does not by itself', async () => {
      const { nameko } = await node('web', { 'sidecar.forward-headers': ['x-tenant-id'] })
      const greeting = nameko.service<GreetingService>('greeting_service', { context: { user_id: 7, language: 'fr' } })
      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
      const context = { traceparent, token: 'secret', headers: { 'x-tenant-id': 'acme' } }
      const seen = await runWithContext(context, () => greeting.context_data())
      expect(seen).toMatchObject({ user_id: 7, language: 'fr', traceparent, 'x-tenant-id': 'acme' })
      expect(seen['call_id_stack']).toEqual([
        expect.stringMatching(/^web\.call\.[\da-f-]{36}$/),
        expect.stringMatching(/^greeting_service\.context_data\./),
      ])
      expect(JSON.stringify(seen)).not.toContain('secret')
    })

    test('with sidecar.events.forward-token the token is at the place where Nameko looks for it', async () => {
      const { nameko } = await node('web', { 'sidecar.events.forward-token': true })
      const greeting = nameko.service<GreetingService>('greeting_service')
      const seen = await runWithContext({ token: 'secret' }, () => greeting.context_data())
      expect(seen).toMatchObject({ auth_token: 'secret' })
    })

    test('the connection is cut during a call: RabbitMQ has the request, so the reply comes', async () => {
      const greeting = await greetingOf(await node())
      await greeting.hello('Ada')
      const hold = holdFile()
      const reply = greeting.held(hold.path)
      await beside.workedOn('rpc-greeting_service', 1)
      expect(await beside.rabbitmq.closeConnections()).toBeGreaterThan(2)
      hold.release()
      expect(await reply).toBe('1')
      expect(await greeting.hello('Ada')).toBe('Hello, Ada!')
    })

    test('the queue of replies is deleted: pending calls fail at once, later ones work', async () => {
      const greeting = await greetingOf(await node('deleted'))
      await greeting.hello('Ada')
      const unanswered = async () => (await queueOf('rpc-greeting_service'))?.unacknowledged
      // What another test has left in hand.
      await expect.poll(unanswered).toBe(0)
      const hold = holdFile()
      const reply = failure(greeting.held(hold.path))
      const own = () => beside.rabbitmq.queues().then((all) => all.find(({ name }) => name.includes('reply-deleted-')))
      await expect.poll(unanswered).toBe(1)
      await beside.rabbitmq.deleteQueue((await own())!.name)
      expect(await reply).toMatchObject({
        ...{ code: 'SIDECAR_CALL_FAILED', message: expect.stringContaining('the queue of replies was deleted') },
      })
      hold.release()
      expect(await greeting.hello('Ada')).toBe('Hello, Ada!')
    })

    test('figures of calls, by service and method', async () => {
      const { sidecar, nameko } = await node()
      await nameko.call('greeting_service', 'hello', { args: ['Ada'] })
      await failure(nameko.call('greeting_service', 'fail', { args: ['x'] }))
      const named = sidecar.stats().operations.filter(({ kind }) => kind === 'rpc')
      expect(named.map(({ name, count, errors }) => [name, count, errors])).toEqual([
        ['call greeting_service.hello', 1, 0],
        ['call greeting_service.fail', 1, 1],
      ])
    })
  })

  describe('calls by a service of Nameko', () => {
    test('positional and keyword arguments, results, and none', async () => {
      const { nameko } = await node()
      await nameko.serve({
        total: withParams(['sku', 'count?'], (sku: string, count = 1) => ({ sku, count })),
        first: (list: unknown[]) => list[0],
        nothing: () => {},
        later: async () => sleep(20, 'done'),
      }).ready
      const call = (method: string, args: unknown[] = [], kwargs = {}) =>
        beside.caller.call({ service: 'orders', method, args, kwargs })
      expect(await call('total', ['a'])).toEqual({ result: { sku: 'a', count: 1 } })
      expect(await call('total', ['a', 3])).toEqual({ result: { sku: 'a', count: 3 } })
      expect(await call('total', [], { count: 2, sku: 'b' })).toEqual({ result: { sku: 'b', count: 2 } })
      expect(await call('first', [['é😀', 2]])).toEqual({ result: 'é😀' })
      expect(await call('nothing')).toEqual({ result: null })
      expect(await call('later')).toEqual({ result: 'done' })
    })

    test('errors reach Python by their names', async () => {
      const { nameko, lines } = await node()
      await nameko.serve({
        fail: (text: string) => {
          throw new RangeError(text)
        },
        chosen: () => {
          throw new NamekoRemoteError({ excType: 'NotFound', value: 'no order 7' })
        },
        circle: () => {
          const circle: Record<string, unknown> = {}
          return (circle['self'] = circle)
        },
        total: withParams(['sku', 'count?'], (sku: string) => sku),
      }).ready
      const call = (method: string, kwargs = {}, args: unknown[] = []) =>
        beside.caller.call({ service: 'orders', method, args, kwargs })
      const remote = 'nameko.exceptions.RemoteError'
      expect(await call('fail', {}, ['bad'])).toMatchObject({ raised: remote, exc_type: 'RangeError', value: 'bad' })
      expect(await call('chosen')).toMatchObject({ raised: remote, exc_type: 'NotFound', value: 'no order 7' })
      expect(await call('circle')).toMatchObject({ raised: remote, exc_type: 'UnserializableValueError' })
      expect(await call('nope')).toMatchObject({ raised: 'nameko.exceptions.MethodNotFound', args: ['nope'] })
      expect(await call('total', { skus: 1 })).toMatchObject({
        raised: 'nameko.exceptions.IncorrectSignature',
        text: "total() got an unexpected keyword argument 'skus'",
      })
      expect(await call('total')).toMatchObject({
        raised: 'nameko.exceptions.IncorrectSignature',
        text: "total() missing 1 required positional argument: 'sku'",
      })
      expect(lines.filter((line) => line.startsWith('error'))).toEqual(['error the call orders.fail failed: bad'])
    })

    test('a body above maxBytes is not read, in either direction, and others are', async () => {
      const { sidecar } = await node()
      const small = namekoRpc(sidecar, { service: 'small', maxBytes: 100 })
      await small.serve({ echo: (text: string) => text, long: () => 'x'.repeat(100) }).ready
      const call = (method: string, args: unknown[] = []) =>
        beside.caller.call({ service: 'small', method, args, kwargs: {} })
      expect(await call('echo', ['x'.repeat(100)])).toMatchObject({
        raised: 'nameko.exceptions.MalformedRequest',
        text: expect.stringContaining('the limit is 100 (option maxBytes)'),
      })
      expect(await call('long')).toMatchObject({ exc_type: 'UnserializableValueError' })
      expect(await call('echo', ['é'])).toEqual({ result: 'é' })

      const hello = (letters: number) => small.call('greeting_service', 'hello', { args: ['x'.repeat(letters)] })
      expect(await failure(hello(100))).toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
      expect(await failure(hello(70))).toMatchObject({
        ...{ code: 'SIDECAR_CALL_BODY', message: expect.stringContaining('the reply has 107 bytes') },
      })
      expect(await hello(1)).toBe('Hello, x!')
    })

    test('100 calls at the same time, and no more than `concurrency` in hand', async () => {
      const { nameko } = await node()
      let inHand = 0
      let most = 0
      let full = () => {}
      const seven = new Promise<void>((resolve) => (full = resolve))
      const serving = nameko.serve(
        {
          double: async (number: number) => {
            most = Math.max(most, ++inHand)
            if (inHand === 7) full()
            await seven
            await sleep(2)
            inHand--
            return number * 2
          },
        },
        { concurrency: 7 },
      )
      await serving.ready
      const { result } = await beside.caller.call({ service: 'orders', method: 'double', parallel: 100 })
      expect(result).toEqual(Array.from({ length: 100 }, (_, index) => index * 2))
      expect(most).toBe(7)
    })

    test('context data comes, and goes on from Python over Node to Python', async () => {
      const { nameko } = await node()
      const greeting = nameko.service<GreetingService>('greeting_service')
      await nameko.serve({ seen: () => currentNamekoCall()?.context, onwards: () => greeting.context_data() }).ready
      const context = { user_id: 7, language: 'fr', user_agent: 'tests' }
      const { result: seen } = await beside.caller.call({ service: 'orders', method: 'seen', context })
      expect(seen).toEqual({ ...context, call_id_stack: [expect.stringContaining('standalone_rpc_proxy.call.')] })
      const { result: onwards } = await beside.caller.call({ service: 'orders', method: 'onwards', context })
      expect(onwards).toEqual({
        ...context,
        call_id_stack: [
          expect.stringContaining('standalone_rpc_proxy.call.'),
          expect.stringContaining('orders.onwards.'),
          expect.stringContaining('greeting_service.context_data.'),
        ],
      })
    })

    test('Node calls Python, which calls Node: results, errors and the trace come through', async () => {
      const { nameko } = await node()
      const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`
      await nameko.serve({
        trace: () => currentContext()?.traceparent,
        fail: () => {
          throw new TypeError('bad')
        },
      }).ready
      const greeting = nameko.service<GreetingService>('greeting_service')
      expect(await runWithContext({ traceparent }, () => greeting.relay('trace'))).toEqual({ result: traceparent })
      expect(await greeting.relay('fail')).toMatchObject({ exc_type: 'TypeError', value: 'bad' })
      expect(await greeting.relay('nope')).toMatchObject({ method_not_found: true })
      // What Python raised on a call of its own comes as it would to Python.
      expect(await failure(greeting.relay_unknown())).toMatchObject({
        ...{ code: 'SIDECAR_NAMEKO_REMOTE', excType: 'UnknownService', excArgs: ['nowhere'] },
      })
    })

    test('leaving: what is in hand is answered, what comes later waits for the next instance', async () => {
      const first = await node()
      let began = () => {}
      const inHand = new Promise<void>((resolve) => (began = resolve))
      await first.nameko.serve({
        slow: async () => {
          began()
          await sleep(500)
          return 'first'
        },
      }).ready
      const client = await node('client')
      const orders = client.nameko.service<{ slow(): string }>('orders')
      const early = orders.slow()
      await inHand
      const left = first.sidecar.stop()
      await expect.poll(async () => (await queueOf('rpc-orders'))?.consumers).toBe(0)
      const late = orders.slow()
      expect(await early).toBe('first')
      await left
      const second = await node()
      await second.nameko.serve({ slow: () => 'second' }).ready
      expect(await late).toBe('second')
    })

    test('a handler that does not end within the drain is aborted, and the next instance works on the call', async () => {
      const first = await node('orders', { 'sidecar.leave-timeout': '2s' })
      let began = () => {}
      const inHand = new Promise<void>((resolve) => (began = resolve))
      let aborted = false
      await first.nameko.serve({
        slow: () => {
          const { signal } = currentNamekoCall()!
          began()
          return new Promise<never>(() => signal.addEventListener('abort', () => (aborted = true)))
        },
      }).ready
      const client = await node('client')
      const reply = client.nameko.service<{ slow(): string }>('orders').slow()
      await inHand
      await first.sidecar.stop()
      expect(aborted).toBe(true)
      const second = await node()
      await second.nameko.serve({ slow: () => `redelivered ${currentNamekoCall()?.redelivered}` }).ready
      expect(await reply).toBe('redelivered true')
    })
  })

  async function queueOf(queue: string) {
    return (await beside.rabbitmq.queues()).find(({ name }) => name === queue)
  }
})
