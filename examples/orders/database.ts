import { join } from 'node:path'
import sqlite, { type Database } from 'node-sqlite3-wasm'
import type { ResourceOptions } from 'nacos-sidecar'
import { env } from './env.js'

export type { Database }

/** SQLite for one service: `sidecar.provide('db', database('orders', SCHEMA))`. */
export function database(name: string, schema: string): ResourceOptions<Database> {
  return {
    start() {
      const db = new sqlite.Database(env.DB_FOLDER === '' ? ':memory:' : join(env.DB_FOLDER, `${name}.sqlite`))
      db.exec(schema)
      return db
    },
    stop: (db) => db.close(),
    health: (db) => db.get('select 1'),
  }
}

/** All of it, or nothing. */
export function inTransaction<T>(db: Database, work: () => T): T {
  db.exec('begin immediate')
  try {
    const result = work()
    db.exec('commit')
    return result
  } catch (error) {
    db.exec('rollback')
    throw error
  }
}
