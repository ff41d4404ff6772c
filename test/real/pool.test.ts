import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { killChildren } from '../support/child.js'
import { askForEchoes, poolApp } from '../support/pool-app.js'
import { startPostgres, type Postgres } from './servers/postgres.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

const DRAIN = 2_000
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
})
