import { createRequire } from 'node:module'
import { join as pathOf } from 'node:path'
import { pathToFileURL } from 'node:url'
import express from 'express'
import { currentWork, type Resource } from 'nacos-sidecar'
import { events } from 'nacos-sidecar/events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { kyselySessions, knexSessions, pgSessions } from '../../examples/recipes/databases.js'
import { once } from '../../examples/recipes/once.js'
import { sessionPerWork, type Sessions } from '../../examples/recipes/session-per-work.js'
import { join } from '../support/member.js'
import { testRegistry } from '../support/registry.js'
import { npmPackages } from './servers/npm-packages.js'
import { startPostgres } from './servers/postgres.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

const had = await Promise.all([startPostgres(), npmPackages('databases', ['pg@8', 'knex@3', 'kysely@0.29'])]).then(
  ([postgres, folder]) => ({ postgres, folder, missing: undefined }),
  (error: unknown) => ({
    missing: { reason: String(error), toolAbsent: error instanceof Unavailable && error.absent !== undefined },
  }),
)

/** A library as its users have it: a pool, its sessions, and a statement in one. */
interface Library {
  pool(url: string): Promise<unknown>
  stop(pool: unknown): unknown
  sessions(db: Resource<never>): Sessions<never>
  /** The `id` of the row that a statement with one value gives. */
  run(session: never, sql: string, value: string): Promise<string | undefined>
}

/** Its answer is the transaction that it stands in. */
const NOTE = 'insert into notes values ($1) returning pg_current_xact_id()::text as id'

describe('a session for each piece of work', () => {
  if (had.missing) return cannotBeHad(had.missing)
  const { postgres, folder } = had
  let admin: PgAdmin

  beforeAll(async () => {
    const { default: pg } = await load<{ default: Pg }>(folder, 'pg')
    admin = new pg.Client({ connectionString: postgres.url })
    await admin.connect()
    await admin.query('create table notes (text text)')
    await admin.query('create table seen (id text primary key)')
  })
  afterAll(async () => {
    // Pools end before the last of their connections has.
    await vi.waitFor(async () => expect(await sessions('true')).toBe(1), { timeout: 10_000 })
    await admin.end()
    await postgres.stop()
  })
  const notes = async () => (await admin.query('select text from notes order by text')).rows.map(({ text }) => text)

  describe.each(Object.entries(librariesOf(folder)))('%s', (name, library) => {
    async function service() {
      await admin.query('truncate notes')
      const registry = await testRegistry()
      const app = express()
      const member = await join(app, registry.settings({ 'application.name': name }))
      const { sidecar } = member
      const db = sidecar.provide('db', {
        start: () => library.pool(postgres.url) as Promise<never>,
        stop: (pool) => library.stop(pool),
      })
      await db.ready
      const session = sessionPerWork(sidecar, library.sessions(db))
      const run = async (sql: string, value: string) => library.run(await session(), sql, value)
      const note = async (text: string) => (await run(NOTE, text))!
      return { ...member, app, run, note, bus: events(sidecar, { url: `memory:${name}` }) }
    }

    test('recipes: a request: one session, committed if it answers, rolled back if it fails or its caller is gone', async () => {
      const { app, url, note } = await service()
      app.get('/good', async (_request, response) => {
        const [one, other] = await Promise.all([note('good 1'), note('good 2')])
        response.json({ same: one === other })
      })
      app.get('/bad', async () => {
        await note('bad')
        throw new Error('after the note')
      })
      app.get('/gone', async () => void (await note('gone')))
      expect(await (await fetch(`${url}/good`)).json()).toEqual({ same: true })
      expect((await fetch(`${url}/bad`)).status).toBe(500)
      const caller = new AbortController()
      const gone = fetch(`${url}/gone`, { signal: caller.signal }).catch(() => {})
      await expect.poll(() => open()).toBe(1)
      caller.abort()
      await gone
      await expect.poll(() => open()).toBe(0)
      expect(await notes()).toEqual(['good 1', 'good 2'])
    })

    test('recipes: an event: a delivery that fails leaves nothing, the next one is committed before it is accepted', async () => {
      const { bus, note } = await service()
      const ids: string[] = []
      bus.on(
        name,
        'created',
        async (text: string) => {
          ids.push(await note(text))
          if (ids.length === 1) throw new Error('after the note')
        },
        { retry: { attempts: 2, delay: 10 } },
      )
      await bus.emit('created', 'an order')
      await expect.poll(notes).toEqual(['an order'])
      expect(new Set(ids).size).toBe(2)
    })

    test('recipes: each event once: a second delivery does nothing, one that failed is done again', async () => {
      const { bus, note, run } = await service()
      const insert = 'insert into seen values ($1) on conflict do nothing returning id'
      const remember = async (id: string) => (await run(insert, id)) !== undefined
      let failures = 1
      const handle = vi.fn(async (text: string) => {
        await note(text)
        if (failures-- > 0) throw new Error('after the note')
      })
      bus.on(name, 'paid', once('paid', remember, handle), { retry: { delay: 10 } })
      bus.on(name, 'last', () => note('last'))
      for (let time = 0; time < 3; time++) await bus.emit('paid', 'an invoice', { messageId: `${name} 7` })
      await expect.poll(() => bus.status().handlers[0]!.handled).toBe(3)
      expect(handle).toHaveBeenCalledTimes(2)
      await bus.emit('last', {})
      await expect.poll(notes).toEqual(['an invoice', 'last'])
    })

    test('recipes: a timer: each run has its own', async () => {
      const { sidecar, note } = await service()
      const runs: string[] = []
      const timer = sidecar.timer('noting', { every: 20 }, async () => {
        runs.push(await note(`run ${runs.length + 1}`))
        if (runs.length === 2) throw new Error('after the note')
      })
      await expect.poll(() => runs.length).toBeGreaterThanOrEqual(3)
      timer.stop()
      await expect.poll(() => open()).toBe(0)
      expect((await notes()).slice(0, 2)).toEqual(['run 1', 'run 3'])
      expect(new Set(runs).size).toBe(runs.length)
    })

    test('recipes: outside of work there is none', async () => {
      const { note } = await service()
      expect(currentWork()).toBeUndefined()
      await expect(note('nowhere')).rejects.toThrow('there is no session outside')
    })
  })

  /** Transactions that have not ended: also one that is being committed at this moment. */
  const open = () => sessions('xact_start is not null and pid <> pg_backend_pid()')
  const sessions = async (which: string) => {
    const { rows } = await admin.query(
      `select count(*)::text as text from pg_stat_activity where backend_type = 'client backend' and ${which}`,
    )
    return Number(rows[0]!.text)
  }
})

function librariesOf(folder: string): Record<string, Library> {
  return {
    pg: {
      async pool(connectionString: string) {
        const { default: pg } = await load<{ default: Pg }>(folder, 'pg')
        return new pg.Pool({ connectionString })
      },
      stop: (pool: PgPool) => pool.end(),
      sessions: (db: Resource<PgPool>) => pgSessions(db),
      async run(client: PgClient, sql: string, value: string) {
        return (await client.query(sql, [value])).rows[0]?.id
      },
    } as unknown as Library,
    knex: {
      async pool(connection: string) {
        const { default: knex } = await load<{ default: MakeKnex }>(folder, 'knex')
        return knex({ client: 'pg', connection })
      },
      stop: (pool: Knex) => pool.destroy(),
      sessions: (db: Resource<Knex>) => knexSessions(db),
      async run(transaction: KnexTransaction, sql: string, value: string) {
        return (await transaction.raw(sql.replace('$1', '?'), [value])).rows[0]?.id
      },
    } as unknown as Library,
    kysely: {
      async pool(connectionString: string) {
        const { Kysely, PostgresDialect } = await load<KyselyPackage>(folder, 'kysely')
        const { default: pg } = await load<{ default: Pg }>(folder, 'pg')
        return new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) })
      },
      stop: (pool: Kysely) => pool.destroy(),
      sessions: (db: Resource<Kysely>) => kyselySessions(db),
      async run(transaction: KyselyTransaction, sql: string, value: string) {
        const { CompiledQuery } = await load<KyselyPackage>(folder, 'kysely')
        return (await transaction.executeQuery(CompiledQuery.raw(sql, [value]))).rows[0]?.id
      },
    } as unknown as Library,
  }
}

function load<T>(folder: string, name: string): Promise<T> {
  const require = createRequire(pathOf(folder, 'index.js'))
  return import(pathToFileURL(require.resolve(name)).href) as Promise<T>
}

// --- what the test uses of the packages, which have no types here ---

interface Rows {
  readonly rows: readonly { readonly id: string; readonly text: string }[]
}
interface PgClient {
  query(sql: string, values?: readonly unknown[]): Promise<Rows>
  release(error?: Error | boolean): void
}
interface PgPool extends Omit<PgClient, 'release'> {
  connect(): Promise<PgClient>
  end(): Promise<void>
}
interface PgAdmin extends Omit<PgClient, 'release'> {
  connect(): Promise<unknown>
  end(): Promise<void>
}
interface Pg {
  readonly Client: new (options: object) => PgAdmin
  readonly Pool: new (options: object) => PgPool
}
interface KnexTransaction {
  raw(sql: string, values: readonly unknown[]): Promise<Rows>
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
}
interface Knex {
  transaction(): Promise<KnexTransaction>
  destroy(): Promise<void>
}
type MakeKnex = (options: object) => Knex
interface KyselyTransaction {
  executeQuery(query: object): Promise<Rows>
  commit(): { execute(): Promise<unknown> }
  rollback(): { execute(): Promise<unknown> }
}
interface Kysely {
  startTransaction(): { execute(): Promise<KyselyTransaction> }
  destroy(): Promise<void>
}
interface KyselyPackage {
  readonly Kysely: new (options: object) => Kysely
  readonly PostgresDialect: new (options: object) => object
  readonly CompiledQuery: { raw(sql: string, values: readonly unknown[]): object }
}
