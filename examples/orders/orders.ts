import { randomUUID } from 'node:crypto'
import { every, type Resource, type Sidecar } from 'nacos-sidecar'
import { events, on, type EventBus } from 'nacos-sidecar/events'
import { defineService } from 'nacos-sidecar/service'
import * as z from 'zod'
import { database, type Database } from './database.js'
import { OfOrder } from './messages.js'
import { StockClient } from './stock-client.js'

const SCHEMA = `
  create table if not exists orders (
    id text primary key, item text not null, count integer not null, total integer not null,
    mail text not null, status text not null, placed_at integer not null
  );
`
const NewOrder = z.object({ item: z.string().min(1), count: z.number().int().min(1), mail: z.email() })

interface Order extends z.infer<typeof NewOrder> {
  readonly id: string
  /** In cents. */
  readonly total: number
  readonly status: 'placed' | 'confirmed' | 'rejected' | 'cancelled'
}

/** Takes orders, and follows them until they are decided. */
export default defineService({
  name: 'orders',
  backend: 'fastify',
  configPath: import.meta.dirname,
  setup(app, sidecar) {
    const db = sidecar.provide('db', database('orders', SCHEMA))
    const bus = events(sidecar)
    const stock = sidecar.client(StockClient)

    app.post('/orders', async ({ body }, reply) => {
      const wanted = NewOrder.safeParse(body)
      if (!wanted.success) return reply.code(400).send({ message: z.prettifyError(wanted.error) })
      const { item: name, count, mail } = wanted.data
      const item = await stock.item({ name })
      if (!item) return reply.code(422).send({ message: `we do not sell ${name}` })
      const order: Order = { id: randomUUID(), item: name, count, mail, total: item.price * count, status: 'placed' }
      await db.use((db) => insert(db, order))
      // The timer below cancels what is placed, and whose event was lost with this process.
      await bus.emit('placed', { id: order.id, item: name, count })
      return reply.code(202).send(order)
    })

    app.get<{ Params: { id: string } }>('/orders/:id', async ({ params }, reply) => {
      const order = await db.use((db) => orderOf(db, params.id))
      return order ?? reply.code(404).send({ message: 'there is no such order' })
    })

    sidecar.mount(new Decisions(db, bus, sidecar.config))
  },
})

/** What decides on an order. Only the first decision counts: an event may come twice, and after the timer. */
class Decisions {
  constructor(
    private readonly db: Resource<Database>,
    private readonly bus: EventBus,
    private readonly config: Sidecar['config'],
  ) {}

  @on('stock', 'reserved', { schema: OfOrder })
  confirm({ id }: OfOrder) {
    return this.decide(id, 'confirmed')
  }

  @on('stock', 'short', { schema: OfOrder })
  reject({ id }: OfOrder) {
    return this.decide(id, 'rejected')
  }

  @every('1m', { name: 'cancel stale orders', on: 'one' })
  async cancelStale() {
    // From orders.yml in Nacos, live.
    const before = Date.now() - 1_000 * this.config.get('stale-after-seconds', 900)
    const stale = "update orders set status = 'cancelled' where status = 'placed' and placed_at <= ?"
    await this.db.use((db) => db.run(stale, [before]))
  }

  private async decide(id: string, status: 'confirmed' | 'rejected') {
    const order = await this.db.use((db) => change(db, id, status))
    if (order?.status !== status) return
    // Again if it comes again: the process may have died before it emitted. The messageId says that it is the same event.
    const { mail, item, total } = order
    await this.bus.emit(status, { id, mail, item, total }, { messageId: `${id}-${status}` })
  }
}

function insert(db: Database, { id, item, count, total, mail, status }: Order): void {
  db.run('insert into orders values (?, ?, ?, ?, ?, ?, ?)', [id, item, count, total, mail, status, Date.now()])
}

function orderOf(db: Database, id: string): Order | null {
  return db.get('select id, item, count, total, mail, status from orders where id = ?', [id]) as Order | null
}

/** @returns the order, as it is decided now or has been before */
function change(db: Database, id: string, status: Order['status']): Order | null {
  db.run("update orders set status = ? where id = ? and status = 'placed'", [status, id])
  return orderOf(db, id)
}
