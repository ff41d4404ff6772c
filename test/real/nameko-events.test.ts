import { setTimeout as sleep } from 'node:timers/promises'
import { currentContext, runWithContext } from 'nacos-sidecar'
import type { EventMode } from 'nacos-sidecar/events'
import { describe, expect, test } from 'vitest'

import { recorder } from '../support/event-bus.js'
import { besideNameko, type NodeService } from './support/beside-nameko.js'

/** What the listeners in Python say of an event that they got. */
interface Told {
  readonly instance: string
  readonly payload: unknown
  readonly context: Record<string, unknown>
}

/** An event that would come once too often has come after this. */
const QUIET_MS = 300

besideNameko('events beside Nameko 2.14.1', ['GreetingService', 'Listener'], (beside) => {
  const emitInPython = async (type: string, data: unknown) => {
    const { result, raised } = await beside.caller.call({
      ...{ service: 'greeting_service', method: 'emit', args: [type, data] },
      context: { user_id: 7, language: 'fr' },
    })
    expect([raised, result]).toEqual([undefined, null])
  }

  describe('handlers in Python get what Node emits', () => {
    /** What two instances in Python say of three events. */
    async function toldOf(type: string, mode: string): Promise<readonly Told[]> {
      await beside.python(['Listener'], '2')
      const { bus } = await beside.node('orders')
      const watcher = await beside.node('watcher')
      const told = recorder()
      await watcher.bus.on('listener', `${mode}_told`, told.handle).ready
      for (const id of [1, 2, 3]) await bus.emit(type, { id, text: 'é😀', none: null })
      await told.count(mode === 'broadcast' ? 6 : 3)
      await sleep(QUIET_MS)
      return told.data() as Told[]
    }
    const ids = (all: readonly Told[]) => all.map(({ payload }) => (payload as { id: number }).id).sort()

    test('SERVICE_POOL: one instance', async () => {
      const told = await toldOf('pooled', 'pool')
      expect(ids(told)).toEqual([1, 2, 3])
      // Two instances are in no order.
      expect(told.map(({ payload }) => payload)).toContainEqual({ id: 1, text: 'é😀', none: null })
    })

    test('SINGLETON: one instance', async () => {
      expect(ids(await toldOf('single', 'singleton'))).toEqual([1, 2, 3])
    })

    test('BROADCAST: each instance', async () => {
      const told = await toldOf('spread', 'broadcast')
      expect(ids(told)).toEqual([1, 1, 2, 2, 3, 3])
      expect(new Set(told.map(({ instance }) => instance))).toEqual(new Set(['1', '2']))
    })

    test('context data, trace and forwarded headers come with it', async () => {
      const { bus } = await beside.node('orders', { 'sidecar.forward-headers': ['x-tenant-id'] })
      const told = recorder()
      await bus.on('listener', 'pool_told', told.handle).ready
      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
      const context = { traceparent, token: 'secret', headers: { 'x-tenant-id': 'acme' } }
      const headers = { 'nameko.user_id': 7, 'nameko.language': 'fr' }
      await runWithContext(context, () => bus.emit('pooled', {}, { headers }))
      const { context: seen } = (await told.count(1))[0]!.data as Told
      expect(seen).toMatchObject({ user_id: 7, language: 'fr', traceparent, 'x-tenant-id': 'acme' })
      expect(seen['call_id_stack']).toEqual([
        expect.stringMatching(/^orders\./),
        expect.stringMatching(/^listener\.on_pooled\./),
      ])
      expect(JSON.stringify(seen)).not.toContain('secret')
    })
  })

  describe('handlers of Node get what Nameko dispatches', () => {
    /** How often each of three instances got one of four events: two of one service, one of another. */
    async function deliveries(mode: EventMode): Promise<readonly (readonly unknown[])[]> {
      const type = `from_python_${mode}`
      const names = ['shop', 'shop', 'stock']
      const members = await Promise.all(names.map((name) => beside.node(name)))
      const seen = names.map(() => recorder())
      const on = ({ bus }: NodeService, at: number) =>
        bus.on('greeting_service', type, seen[at]!.handle, { mode, concurrency: 1 }).ready
      await Promise.all(members.map(on))
      for (const id of [1, 2, 3, 4]) await emitInPython(type, id)
      const expected = { pool: 8, singleton: 4, broadcast: 12 }[mode]
      await expect.poll(() => seen.flatMap((one) => one.seen).length).toBe(expected)
      await sleep(QUIET_MS)
      return seen.map((one) => one.data())
    }

    test('pool: one instance of each service', async () => {
      const [one, two, other] = await deliveries('pool')
      expect([...one!, ...two!].sort()).toEqual([1, 2, 3, 4])
      expect(other).toEqual([1, 2, 3, 4])
    })

    test('singleton: one instance of all', async () => {
      expect((await deliveries('singleton')).flat().sort()).toEqual([1, 2, 3, 4])
    })

    test('broadcast: each instance', async () => {
      expect(await deliveries('broadcast')).toEqual([1, 2, 3].map(() => [1, 2, 3, 4]))
    })

    test('dates, decimals, ids and bytes come as text', async () => {
      const { bus } = await beside.node()
      const seen = recorder()
      await bus.on('greeting_service', 'kinds', seen.handle).ready
      await beside.caller.call({ service: 'greeting_service', method: 'emit_kinds', args: ['kinds'] })
      expect((await seen.count(1))[0]!.data).toMatchObject({
        ...{ at: '2026-11-30T08:15:00', price: '10.20', text: 'bytes', id: '12345678-1234-5678-1234-567812345678' },
      })
    })

    test('an event of a standalone dispatcher; it has no message id', async () => {
      const { bus } = await beside.node()
      const seen = recorder()
      await bus.on('standalone', 'told', seen.handle).ready
      await beside.caller.emit('standalone', 'told', { at: 'x' }, { 'nameko.user_id': 9 })
      const { data, work } = (await seen.count(1))[0]!
      expect(data).toEqual({ at: 'x' })
      expect(work).toMatchObject({ messageId: undefined, attempt: 1, redelivered: false })
      expect(work.headers).toMatchObject({ 'nameko.user_id': 9 })
    })

    test('what came goes on in calls and events of the handler: Python, Node, Python', async () => {
      const { bus, nameko } = await beside.node()
      const told = recorder()
      const calls = recorder()
      await bus.on('listener', 'pool_told', told.handle).ready
      await bus.on('greeting_service', 'onwards', async () => {
        calls.handle(await nameko.call('greeting_service', 'context_data'), {} as never)
        await bus.emit('pooled', 'onwards')
      }).ready
      await emitInPython('onwards', {})
      expect((await calls.count(1))[0]!.data).toMatchObject({
        ...{ user_id: 7, language: 'fr' },
        call_id_stack: [
          expect.stringContaining('standalone_rpc_proxy.call.'),
          expect.stringContaining('greeting_service.emit.'),
          expect.stringMatching(/^orders\./),
          expect.stringContaining('greeting_service.context_data.'),
        ],
      })
      const event = (await told.count(1))[0]!.data as Told
      expect(event.context).toMatchObject({ user_id: 7, language: 'fr' })
      expect(event.context['call_id_stack']).toHaveLength(4)
    })

    test('the trace comes back through Python', async () => {
      const { bus } = await beside.node()
      const traces: (string | undefined)[] = []
      const told = recorder(() => void traces.push(currentContext()?.traceparent))
      await bus.on('listener', 'pool_told', told.handle).ready
      const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`
      await runWithContext({ traceparent }, () => bus.emit('pooled', 'traced'))
      await told.count(1)
      expect(traces).toEqual([traceparent])
    })
  })

  test.each(['Python', 'Node'])('one pool of Node and Python: one queue, declared by %s first', async (first) => {
    const python = () => beside.python(['Billing'], '1')
    const started = first === 'Python' ? await python() : undefined
    const { bus, sidecar } = await beside.node('billing')
    const billed = recorder()
    const own: unknown[] = []
    await bus.on('billing', 'billed', billed.handle, { name: 'watch' }).ready
    const handle = async (payload: unknown) => {
      await sleep(5)
      own.push(payload)
    }
    const subscription = bus.on('orders', 'created', handle, { name: 'on_created', concurrency: 1 })
    expect(subscription.queue).toBe('evt-orders-created--billing.on_created')
    await subscription.ready
    const peer = started ?? (await python())
    const ids = Array.from({ length: 60 }, (_, index) => index)
    for (const id of ids) await bus.emit('created', id, { source: 'orders' })
    await expect.poll(() => own.length + billed.seen.length).toBe(60)
    const theirs = billed.data().map((data) => (data as { payload: unknown }).payload)
    expect([...own, ...theirs].sort((one, other) => Number(one) - Number(other))).toEqual(ids)
    expect(Math.min(own.length, theirs.length)).toBeGreaterThan(0)
    await peer.stop()
    await sidecar.stop({ drain: false })
    await beside.rabbitmq.deleteQueue('evt-orders-created--billing.on_created')
  })
})
