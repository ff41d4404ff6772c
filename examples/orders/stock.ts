import { defineService } from 'nacos-sidecar/service'
import { events } from 'nacos-sidecar/events'
import { database, inTransaction, type Database } from './database.js'
import { Placed } from './messages.js'
import type { Item } from './stock-client.js'

const SCHEMA = `
  create table if not exists items (name text primary key, price integer not null, left integer not null);
  create table if not exists reservations (order_id text primary key, item text not null, count integer not null);
  insert or ignore into items values ('tea', 450, 10), ('cup', 900, 3);
`

/** What there is, and for which orders it is kept. */
export default defineService({
  name: 'stock',
  backend: 'fastify',
  configPath: import.meta.dirname,
  setup(app, sidecar) {
    const db = sidecar.provide('db', database('stock', SCHEMA))
    const bus = events(sidecar)

    app.get<{ Params: { name: string } }>('/items/:name', async ({ params }, reply) => {
      const item = await db.use((db) => itemOf(db, params.name))
      return item ?? reply.code(404).send({ message: `there is no ${params.name}` })
    })

    bus.on(
      'orders',
      'placed',
      async (order) => {
        const reserved = await db.use((db) => reserve(db, order))
        await bus.emit(reserved ? 'reserved' : 'short', { id: order.id })
      },
      { schema: Placed },
    )
  },
})

function itemOf(db: Database, name: string): Item | null {
  return db.get('select * from items where name = ?', [name]) as Item | null
}

/** An event may come twice: the second time finds the reservation of the first. */
function reserve(db: Database, { id, item, count }: Placed): boolean {
  return inTransaction(db, () => {
    if (db.get('select 1 from reservations where order_id = ?', [id])) return true
    const { changes } = db.run('update items set left = left - ? where name = ? and left >= ?', [count, item, count])
    if (changes === 0) return false
    db.run('insert into reservations values (?, ?, ?)', [id, item, count])
    return true
  })
}
