import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createSidecar } from 'nacos-sidecar'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { killChildren } from '../support/child.js'
import { collectLog } from '../support/collect.js'
import { echoOf, pgPool } from '../support/pg-pool.js'
import { askForEchoes, poolApp } from '../support/pool-app.js'
import { startPostgres, type Postgres } from './servers/postgres.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

/** Long enough that callers stop before it is over, even on a busy machine. */
const DRAIN = 6_000
/** Callers go on for so long after the signal: their lists are old. */
const CALLS_MS = 1_200
const ABORTED = /unexpected EOF on client connection|could not (?:receive|send) data|connection to client lost/g

const started = await startPostgres().then(
  (postgres) => ({ postgres, missing: undefined }),
  (error: unknown) => {
    const toolAbsent = error instanceof Unavailable && error.absent !== undefined
    return {
      postgres: undefined,
      missing: { reason: error instanceof Error ? error.message : String(error), toolAbsent },
    }
  },
)

describe('PostgreSQL', () => {
  if (started.missing) return cannotBeHad(started.missing)
  let postgres: Postgres
  let seen = 0
  /** What the server has logged since this was called last. */
  const news = () => {
    const all = postgres.log()
    const text = all.slice(seen)
    seen = all.length
    return text
  }
  const count = (text: string, what: RegExp) => text.match(what)?.length ?? 0
  const sessions = (text: string) => ({
    opened: count(text, /connection authorized/g),
    ended: count(text, /disconnection: session time/g),
    aborted: count(text, ABORTED),
  })

  beforeAll(() => {
    postgres = started.postgres
  })
  afterAll(async () => {
    await killChildren()
    await postgres.stop()
  })

  async function service() {
    const registry = await startDevServer()
    onTestFinished(() => registry.stop())
    news()
    const app = await poolApp(registry, postgres.url, DRAIN)
    const load = askForEchoes(app.port)
    await expect.poll(() => load.ok).toBeGreaterThan(50)
    return { app, load }
  }

  test('K2: SIGTERM under load, the pool closed in onStop: no request fails, no session is aborted', async () => {
    const { app, load } = await service()
    app.signal('SIGTERM')
    await app.message('draining')
    await sleep(CALLS_MS)
    await load.stop()
    expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
    expect(load.failed).toEqual([])
    await expect.poll(() => sessions(postgres.log().slice(seen)).ended).toBe(4)
    expect(sessions(news())).toEqual({ opened: 4, ended: 4, aborted: 0 })
  })

  test('K2: the log of the server tells where a pool was not closed', async () => {
    const { app, load } = await service()
    await app.kill()
    await load.stop()
    await expect.poll(() => sessions(postgres.log().slice(seen)).ended).toBe(4)
    expect(sessions(news()).aborted).toBeGreaterThanOrEqual(4)
  })

  test('K2: a change of the configuration swaps the pool under load: no request fails, no session is aborted', async () => {
    const registry = await startDevServer()
    onTestFinished(() => registry.stop())
    news()
    const publish = (name: string) =>
      registry.configs.publish({ dataId: 'pool.yml', content: `db: { url: '${postgres.url}', name: ${name}, max: 4 }` })
    publish('swap0')
    const app = express()
    const sidecar = createSidecar({
      ...{ app, configPath: false, signals: false, logger: collectLog() },
      settings: {
        application: { name: 'pool-swap' },
        cloud: {
          nacos: {
            serverAddr: registry.address,
            config: { sharedConfigs: [{ dataId: 'pool.yml', refresh: true }] },
            discovery: { ip: '127.0.0.1' },
          },
        },
      },
    })
    onTestFinished(() => sidecar.stop({ drain: false }))
    const db = sidecar.provide('db', {
      start: (config) =>
        pgPool({
          connectionString: config('db.url', ''),
          application_name: config('db.name', ''),
          max: config('db.max', 1),
        }),
      stop: (pool) => pool.end(),
      reload: 'db',
    })
    app.get('/echo/:text', async (request, response) => {
      response.end(await db.use((pool) => echoOf(pool, request.params.text)))
    })
    await sidecar.ready
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const load = askForEchoes((server.address() as AddressInfo).port)
    await expect.poll(() => load.ok).toBeGreaterThan(50)
    for (const turn of [1, 2, 3]) {
      const before = load.ok
      const swapped = once(sidecar, 'resourceReloaded')
      publish(`swap${turn}`)
      await swapped
      await expect.poll(() => sessions(postgres.log().slice(seen)).ended, { timeout: 10_000 }).toBe(4 * turn)
      await expect.poll(() => load.ok).toBeGreaterThan(before + 50)
    }
    await load.stop()
    await sidecar.stop({ drain: false })
    expect(load.failed).toEqual([])
    await expect.poll(() => sessions(postgres.log().slice(seen)).ended).toBe(16)
    const log = news()
    expect(sessions(log)).toEqual({ opened: 16, ended: 16, aborted: 0 })
    const names = new Set([...log.matchAll(/application_name=(swap\d)/g)].map(([, name]) => name))
    expect([...names]).toEqual(['swap0', 'swap1', 'swap2', 'swap3'])
  })
})
