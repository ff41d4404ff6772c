import type { Resource } from 'nacos-sidecar'
import type { Sessions } from './session-per-work.js'

/** A pool of `pg`: `new Pool({ connectionString })`. */
interface PgPool<C extends PgClient> {
  connect(): Promise<C>
}
interface PgClient {
  query(sql: string): Promise<unknown>
  release(error?: Error | boolean): void
}

export function pgSessions<C extends PgClient>(db: Resource<PgPool<C>>): Sessions<C> {
  const ending = (statement: string) => async (client: C) => {
    try {
      await client.query(statement)
      client.release()
    } catch (error) {
      // A connection in an unknown state does not go back to the pool.
      client.release(true)
      throw error
    }
  }
  return {
    async begin() {
      const client = await db.value.connect()
      await client.query('begin')
      return client
    },
    commit: ending('commit'),
    rollback: ending('rollback'),
  }
}

/** `knex({ client: 'pg', connection })` */
interface Knex<T extends KnexTransaction> {
  transaction(): Promise<T>
}
interface KnexTransaction {
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
}

export function knexSessions<T extends KnexTransaction>(db: Resource<Knex<T>>): Sessions<T> {
  return {
    begin: () => db.value.transaction(),
    commit: (transaction) => transaction.commit(),
    rollback: (transaction) => transaction.rollback(),
  }
}

/** `new Kysely({ dialect })`, 0.28 or later */
interface Kysely<T extends KyselyTransaction> {
  startTransaction(): { execute(): Promise<T> }
}
interface KyselyTransaction {
  commit(): { execute(): Promise<unknown> }
  rollback(): { execute(): Promise<unknown> }
}

export function kyselySessions<T extends KyselyTransaction>(db: Resource<Kysely<T>>): Sessions<T> {
  return {
    begin: () => db.value.startTransaction().execute(),
    commit: (transaction) => transaction.commit().execute(),
    rollback: (transaction) => transaction.rollback().execute(),
  }
}
