/** What of a pool of `pg`, which brings no types, the tests use. */
export interface PgPool {
  query(sql: string, values: readonly unknown[]): Promise<{ rows: readonly { text: string }[] }>
  end(): Promise<void>
}

interface PgOptions {
  readonly connectionString: string
  readonly max: number
  readonly application_name?: string
}

export async function pgPool(options: PgOptions): Promise<PgPool> {
  // By a name that is no literal: a checkout needs it for `npm run test:real` only.
  const { default: pg } = (await import('pg' as string)) as { default: { Pool: new (options: PgOptions) => PgPool } }
  return new pg.Pool(options)
}

/** An echo of the database that takes 10 ms there. */
export async function echoOf(pool: PgPool, text: string): Promise<string> {
  const { rows } = await pool.query('select $1::text as text, pg_sleep(0.01)', [text])
  return rows[0]!.text
}
