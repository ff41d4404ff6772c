import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { connect } from 'amqplib'
import type * as eventsEntry from '../../../src/event-bus.js'
import type { Window } from '../support/drive.js'
import { importPackage, silent } from '../support/package.js'
import type { Handlers } from '../support/worker.js'

/** In the order of the table. */
export const EVENT_SIDES = { ours: 'bus.emit, bus.on', bare: 'amqplib' } as const
export type EventSideName = keyof typeof EVENT_SIDES

export interface EventsOptions {
  readonly side: EventSideName
  /** Of the broker. */
  readonly url: string
  /** `host:port` */
  readonly registry: string
  readonly prefetch: number
}

/** Of an order, about as long as most. */
const orderOf = (id: number) => ({ id, customer: 'c-1001', items: [{ sku: 'A-17', count: 2 }], total: 59.8 })
type Order = ReturnType<typeof orderOf>

interface EventSide {
  /** Settles with the confirm of the broker. */
  emit(id: number): Promise<unknown>
}

/** Emits events to itself by way of the broker: each is confirmed, persistent, parsed and accepted. */
export async function events({ side, ...options }: EventsOptions): Promise<Handlers> {
  let handled = 0
  let sum = 0
  const { emit } = await SIDES[side](options, (order) => {
    handled++
    sum += order.id
  })
  return {
    async drive({ inFlight, ms }: { inFlight: number; ms: number }): Promise<Window> {
      let running = true
      let emitted = 0
      let expected = 0
      handled = sum = 0
      setTimeout(() => (running = false), ms)
      const one = async () => {
        while (running) {
          expected += ++emitted
          await emit(emitted)
        }
      }
      const since = performance.now()
      const before = process.cpuUsage()
      await Promise.all(Array.from({ length: inFlight }, one))
      while (handled < emitted) await setImmediate()
      const perSecond = (emitted / (performance.now() - since)) * 1_000
      const { user, system } = process.cpuUsage(before)
      if (handled !== emitted || sum !== expected) throw new Error(`${handled} of ${emitted} events were handled`)
      return { perSecond, cpuMicros: (user + system) / emitted }
    },
  }
}

type Open = (options: Omit<EventsOptions, 'side'>, handle: (order: Order) => void) => Promise<EventSide>

const SIDES: Record<EventSideName, Open> = {
  async ours({ url, registry, prefetch }, handle) {
    const { createSidecar } = await importPackage()
    const entry = new URL('events.js', process.env['BENCH_PACKAGE']).href
    const { events: open } = (await import(entry)) as typeof eventsEntry
    const sidecar = createSidecar({
      ...{ configPath: false, signals: false, logger: silent },
      settings: {
        application: { name: 'bench-ours' },
        cloud: { nacos: { serverAddr: registry, discovery: { registerEnabled: false } } },
      },
    })
    const bus = open(sidecar, { url })
    const { ready } = bus.on<Order>('bench-ours', 'created', handle, { concurrency: prefetch })
    await Promise.all([sidecar.ready, ready])
    return { emit: (id) => bus.emit('created', orderOf(id)) }
  },

  /** As much as a careful app writes by hand: two connections, confirms, the same queue, properties and id. */
  async bare({ url, prefetch }, handle) {
    const [publishing, consuming] = await Promise.all([1, 2].map(() => connect(url, { noDelay: true })))
    const channel = await consuming!.createChannel()
    const queue = 'evt-bench-bare-created--bench-bare.created'
    await channel.assertExchange('bench-bare.events', 'topic', { durable: true })
    await channel.assertQueue(queue, { durable: true })
    await channel.bindQueue(queue, 'bench-bare.events', 'created')
    await channel.prefetch(prefetch)
    await channel.consume(queue, (message) => {
      handle(JSON.parse(message!.content.toString()) as Order)
      channel.ack(message!)
    })
    const confirming = await publishing!.createConfirmChannel()
    const emit = (id: number) =>
      new Promise((resolve, reject) => {
        const body = Buffer.from(JSON.stringify(orderOf(id)))
        const properties = { messageId: randomUUID(), timestamp: Math.floor(Date.now() / 1_000) }
        const about = { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2, headers: {} }
        confirming.publish('bench-bare.events', 'created', body, { ...about, ...properties }, (error, ok) =>
          error ? reject(error as Error) : resolve(ok),
        )
      })
    return { emit }
  },
}
