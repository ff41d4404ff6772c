import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { createSidecar, type ResourceOptions, type Sidecar } from 'nacos-sidecar'
import { collectLog } from '../../support/collect.js'
import { testRegistry } from '../../support/registry.js'
import { startTcpDatabase, TcpPool } from '../../support/tcp-database.js'

afterEach(() => {
  process.exitCode = undefined // a start that failed has set it
})

/** A sidecar that follows `resources.yml`. */
async function service(content = 'db: { name: first, password: hunter2 }', app?: unknown) {
  const registry = await testRegistry()
  const publish = (text: string) => registry.configs.publish({ dataId: 'resources.yml', content: text })
  publish(content)
  const logger = collectLog()
  const sidecar = createSidecar({
    ...{ app, configPath: false, signals: false, logger },
    settings: registry.settings({
      'application.name': 'resources',
      'cloud.nacos.config.shared-configs': [{ dataId: 'resources.yml', refresh: true }],
    }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return { registry, sidecar, publish, lines: logger.lines }
}

interface Thing {
  readonly name: string
  state: 'started' | 'stopped' | 'killed'
}

/** What is provided in most tests: things named after `db.name`, all of which are kept. */
function things(more: Partial<ResourceOptions<Thing>> = {}) {
  const all: Thing[] = []
  const options: ResourceOptions<Thing> = {
    start: (config) => {
      const thing: Thing = { name: config('db.name', ''), state: 'started' }
      all.push(thing)
      return thing
    },
    stop: (thing) => void (thing.state = 'stopped'),
    reload: 'db',
    ...more,
  }
  return { all, options }
}

const hang = () => new Promise<never>(() => {})
const reloaded = (sidecar: Sidecar) => once(sidecar, 'resourceReloaded')
const coded = (code: string) => expect.objectContaining({ code }) as Error

describe('K2: a resource', () => {
  test('K2: is started with the start hooks, and stopped with the stop hooks in reverse', async () => {
    const { sidecar } = await service()
    const said: string[] = []
    const { all, options } = things({ stop: () => void said.push('stop db') })
    sidecar.onStop(() => void said.push('stop a'))
    sidecar.onStart(() => void said.push('start a'))
    const db = sidecar.provide('db', {
      ...options,
      start: (config, context) => (said.push('start db'), options.start(config, context)),
    })
    sidecar.onStart(() => void said.push(`start b with ${db.value.name}`))
    sidecar.onStop(() => void said.push('stop b'))
    expect(() => db.value).toThrow(coded('SIDECAR_RESOURCE_UNAVAILABLE'))
    const early = db.use(({ name }) => name)
    await sidecar.ready
    expect(await early).toBe('first')
    expect(await db.ready).toBe(all[0])
    expect(sidecar.status()).toMatchObject({
      hooks: [{ at: 'start' }, { at: 'start' }, { at: 'stop' }, { at: 'stop' }],
      resources: [{ name: 'db', status: 'UP', uses: 0, startedAt: expect.any(Date) as Date }],
    })
    await sidecar.stop()
    expect(said).toEqual(['start a', 'start db', 'start b with first', 'stop b', 'stop db', 'stop a'])
    expect(() => db.value).toThrow(coded('SIDECAR_STOPPED'))
    await expect(db.use(() => {})).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    expect(sidecar.status().resources).toMatchObject([{ status: 'DOWN', reason: 'stopped' }])
  })

  test('K2: one that cannot be started ends the start; those before it are stopped, those after it never begun', async () => {
    const { sidecar, lines } = await service()
    const [first, last] = [things(), things()]
    sidecar.provide('first', first.options)
    const db = sidecar.provide('db', {
      start: (config) => Promise.reject(new Error(`password=${String(config('db.password'))}`)),
    })
    sidecar.provide('last', last.options)
    const stopped = once(sidecar, 'stopped')
    await expect(sidecar.ready).rejects.toThrow('resource "db" failed: password=***. The start ends here')
    await stopped
    await expect(db.ready).rejects.toMatchObject({ code: 'SIDECAR_START_FAILED' })
    expect(first.all).toMatchObject([{ state: 'stopped' }])
    expect(last.all).toEqual([])
    expect(JSON.stringify([lines, sidecar.status()])).not.toContain('hunter2')
  })

  test('K2: one that is started too late is stopped as soon as it is there', async () => {
    const { sidecar } = await service()
    const { all, options } = things()
    let open = () => {}
    sidecar.provide('db', {
      ...options,
      timeout: 50,
      start: (config, context) =>
        new Promise<void>((resolve) => (open = resolve)).then(() => options.start(config, context)),
    })
    await expect(sidecar.ready).rejects.toThrow('resource "db" failed: not done within 50 ms')
    open()
    await expect.poll(() => all).toMatchObject([{ state: 'stopped' }])
  })

  test('K2: provided after `ready` it is started before the registration; once the process serves, at once', async () => {
    const { sidecar, lines } = await service()
    await sidecar.ready
    const early = sidecar.provide('early', things().options)
    const server = createServer()
    onTestFinished(() => void server.close())
    const registered = once(sidecar, 'registered')
    sidecar.listening(server)
    server.listen(0, '127.0.0.1')
    await registered
    expect(early.value.name).toBe('first')
    const late = things()
    expect(await sidecar.provide('late', late.options).ready).toBe(late.all[0])
    const failed = once(sidecar, 'resourceFailed')
    const broken = sidecar.provide('broken', { start: () => Promise.reject(new Error('no route')) })
    expect(await failed).toMatchObject([{ name: 'broken' }])
    await expect(broken.ready).rejects.toThrow('no route')
    expect(sidecar.status()).toMatchObject({
      phase: 'serving',
      resources: [{ status: 'UP' }, { status: 'UP' }, { status: 'DOWN', reason: 'start failed', error: 'no route' }],
    })
    expect(lines).toContain('error resource "broken" cannot be started: no route')
    await sidecar.stop()
    expect(late.all[0]!.state).toBe('stopped')
  })

  test.each<[string, (sidecar: Sidecar) => unknown]>([
    ['a name that is taken', (sidecar) => [1, 2].map(() => sidecar.provide('db', things().options))],
    ['an empty name', (sidecar) => sidecar.provide('', things().options)],
    ['no start', (sidecar) => sidecar.provide('db', {} as never)],
    ['a stop that is no function', (sidecar) => sidecar.provide('db', { ...things().options, stop: 'end' as never })],
    ['a health that is none', (sidecar) => sidecar.provide('db', { ...things().options, health: true as never })],
    ['a reload that is no key', (sidecar) => sidecar.provide('db', { ...things().options, reload: [null] as never })],
    ['a readiness that is text', (sidecar) => sidecar.provide('db', { ...things().options, readiness: 'no' as never })],
    ['a timeout that is none', (sidecar) => sidecar.provide('db', things({ timeout: 'soon' }).options)],
  ])('K2: %s is refused at once', async (_, provide) => {
    const { sidecar } = await service()
    expect(() => provide(sidecar)).toThrow(coded('SIDECAR_HOOK_INVALID'))
  })
})

describe('K2: a change of the configuration', () => {
  test('K2: a new one is used at once; the old one is stopped when its work is done', async () => {
    const { sidecar, publish } = await service()
    const { all, options } = things()
    const db = sidecar.provide('db', options)
    await sidecar.ready
    let finish = () => {}
    const work = db.use(async ({ name }) => {
      await new Promise<void>((resolve) => (finish = resolve))
      return name
    })
    const swapped = reloaded(sidecar)
    publish('db: { name: second }')
    expect(await swapped).toEqual([{ name: 'db' }])
    expect(db.value.name).toBe('second')
    expect(all.map(({ state }) => state)).toEqual(['started', 'started'])
    finish()
    expect(await work).toBe('first')
    await expect.poll(() => all[0]!.state).toBe('stopped')
  })

  test('K2: another key changes nothing; changes that come during a swap become one', async () => {
    const { sidecar, publish } = await service()
    const opens: (() => void)[] = []
    const { all, options } = things()
    const db = sidecar.provide('db', {
      ...options,
      reload: ['db.name', 'db.size'],
      async start(config, context) {
        if (all.length > 0) await new Promise<void>((resolve) => opens.push(resolve))
        return options.start(config, context)
      },
    })
    await sidecar.ready
    const changed = async (text: string) => {
      const heard = once(sidecar, 'configChanged')
      publish(text)
      await heard
    }
    await changed('db: { name: first, other: 1 }')
    await changed('db: { name: second, size: 2 }')
    await expect.poll(() => opens.length).toBe(1)
    for (const name of ['third', 'fourth', 'fifth']) await changed(`db: { name: ${name}, size: 3 }`)
    const swapped = reloaded(sidecar)
    opens[0]!()
    await swapped
    await expect.poll(() => opens.length).toBe(2)
    opens[1]!()
    await expect.poll(() => db.value.name).toBe('fifth')
    await expect.poll(() => all.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'started'])
  })

  test('K2: one that cannot be started leaves the old one in use; the next change tries again', async () => {
    const { sidecar, publish, lines } = await service()
    const { all, options } = things()
    const db = sidecar.provide('db', {
      ...options,
      start(config, context) {
        if (config('db.name') === 'broken') throw new Error(`cannot connect, password=${String(config('db.password'))}`)
        return options.start(config, context)
      },
    })
    await sidecar.ready
    const failed = once(sidecar, 'resourceFailed')
    publish('db: { name: broken, password: hunter3 }')
    expect(await failed).toMatchObject([{ name: 'db', error: expect.any(Error) as Error }])
    expect(db.value.name).toBe('first')
    expect(sidecar.status().resources).toMatchObject([
      { status: 'UP', reason: 'reload failed', error: 'cannot connect, password=***' },
    ])
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([
      'error resource "db": its configuration changed, but a new one cannot be started: cannot connect, password=***. The one before stays in use',
    ])
    const swapped = reloaded(sidecar)
    publish('db: { name: second }')
    await swapped
    expect(db.value.name).toBe('second')
    expect(sidecar.status().resources).toMatchObject([{ status: 'UP', reason: undefined }])
    await expect.poll(() => all[0]!.state).toBe('stopped')
  })

  test('K2: an old one whose work does not end is stopped, and killed if its stop hangs too', async () => {
    const { sidecar, publish, lines } = await service()
    const { all, options } = things({ timeout: 60, stop: hang, kill: (thing) => void (thing.state = 'killed') })
    const db = sidecar.provide('db', options)
    await sidecar.ready
    void db.use(hang)
    publish('db: { name: second }')
    await expect.poll(() => all[0]?.state).toBe('killed')
    await expect
      .poll(() => lines.filter((line) => line.startsWith('warn resource')))
      .toEqual([
        'warn resource "db": it is stopped although 1 uses are not done within 60 ms',
        'warn resource "db": not done within 60 ms',
      ])
    expect(db.value).toMatchObject({ name: 'second', state: 'started' })
  })

  test('K2: a stop in the middle of a swap stops the old one and the one that comes too late', async () => {
    const { sidecar, publish } = await service()
    const { all, options } = things()
    let open: (() => void) | undefined
    sidecar.provide('db', {
      ...options,
      async start(config, context) {
        if (all.length > 0) await new Promise<void>((resolve) => (open = resolve))
        return options.start(config, context)
      },
    })
    await sidecar.ready
    publish('db: { name: second }')
    await expect.poll(() => open).toBeDefined()
    await sidecar.stop()
    expect(all).toMatchObject([{ state: 'stopped' }])
    open!()
    await expect.poll(() => all).toMatchObject([{ state: 'stopped' }, { state: 'stopped' }])
  })

  test('K2: a pool of real sessions is swapped under load without an error', async () => {
    const databases = await Promise.all([startTcpDatabase(), startTcpDatabase()])
    onTestFinished(async () => void (await Promise.all(databases.map((database) => database.close()))))
    const app = express()
    const { registry, sidecar, publish } = await service(`db: { port: ${databases[0].port} }`, app)
    const db = sidecar.provide('db', {
      start: (config) => TcpPool.connect(config('db.port', 0)),
      stop: (pool) => pool.end(),
      kill: (pool) => pool.destroy(),
      reload: 'db',
    })
    app.get('/query/:text', async (request, response) => {
      response.end(await db.use((pool) => pool.query(request.params.text)))
    })
    await sidecar.ready
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/query/`
    let running = true
    const failed: unknown[] = []
    let ok = 0
    const load = Array.from({ length: 12 }, async (_, worker) => {
      for (let i = 0; running; i++) {
        const text = `${worker}-${i}`
        const answer = await fetch(url + text).then((one) => one.text(), String)
        if (answer === text) ok++
        else failed.push(answer)
      }
    })
    for (const turn of [1, 0, 1]) {
      const before = ok
      const swapped = reloaded(sidecar)
      publish(`db: { port: ${databases[turn]!.port}, turn: ${ok} }`)
      await swapped
      await databases[1 - turn]!.whenEmpty()
      await expect.poll(() => ok).toBeGreaterThan(before + 50)
    }
    running = false
    await Promise.all(load)
    await sidecar.stop()
    expect(failed).toEqual([])
    for (const { log } of databases) {
      expect(log).toMatchObject({ aborted: 0, open: 0, closed: log.opened })
      expect(log.queries).toBeGreaterThan(20)
    }
    expect(databases[0].log.opened + databases[1].log.opened).toBe(16)
    expect(registry.server.services().flatMap((one) => one.instances)).toEqual([])
  })
})

describe('K2: the health of a resource', () => {
  async function served(options: Partial<ResourceOptions<Thing>>) {
    const app = express()
    const { sidecar } = await service(undefined, app)
    sidecar.provide('db', things(options).options)
    const server = app.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await sidecar.ready
    const page = async (path = '') => {
      const { port } = server.address() as AddressInfo
      const answer = await fetch(`http://127.0.0.1:${port}/actuator/health${path}`)
      return { status: answer.status, body: (await answer.json()) as { components?: Record<string, unknown> } }
    }
    return { sidecar, page }
  }

  test('K2: is asked once a second at most, whatever asks; an error is on no page', async () => {
    let asked = 0
    let fails = false
    const { sidecar, page } = await served({
      health: async () => {
        asked++
        if (fails) throw new Error('10.0.0.7: password=hunter2')
      },
    })
    const began = performance.now()
    const mayBeAsked = () => 1 + Math.floor((performance.now() - began) / 1_000)
    const pages = await Promise.all(Array.from({ length: 50 }, () => page()))
    expect(asked).toBeLessThanOrEqual(mayBeAsked())
    for (const { body } of pages) expect(body.components).toMatchObject({ db: { status: 'UP' } })
    fails = true
    await expect
      .poll(async () => (await page()).body.components)
      .toMatchObject({
        db: { status: 'DOWN', details: { reason: 'health check failed' } },
      })
    const { status, body } = await page()
    expect({ status, body }).toMatchObject({ status: 200, body: { status: 'UP' } })
    expect(JSON.stringify(body)).not.toMatch(/hunter2|10\.0\.0\.7/)
    expect((await page('/readiness')).status).toBe(200)
    expect(sidecar.status().resources).toMatchObject([{ status: 'DOWN', error: '10.0.0.7: password=***' }])
    expect(asked).toBeLessThanOrEqual(mayBeAsked())
  })

  test('K2: with `readiness` the instance is not ready while it is DOWN', async () => {
    let up = true
    const { page } = await served({ health: () => up, readiness: true })
    expect(await page('/readiness')).toMatchObject({ status: 200 })
    up = false
    await expect.poll(async () => (await page('/readiness')).status).toBe(503)
    expect(await page('/readiness')).toMatchObject({
      body: { status: 'DOWN', components: { db: { details: { reason: 'health check failed' } } } },
    })
    expect((await page('/liveness')).status).toBe(200)
  })

  test('K2: a check that hangs is DOWN after two seconds, and is not begun again and again', async () => {
    let asked = 0
    const { page } = await served({ health: () => (asked++, hang()) })
    for (let i = 0; i < 2; i++)
      expect((await page()).body.components).toMatchObject({
        db: { status: 'DOWN', details: { reason: 'health check timed out' } },
      })
    expect(asked).toBe(1)
  })
})

/** What JavaScript lets an app throw, and what an error says of it. */
const THROWN: readonly (readonly [string, unknown, string])[] = [
  ['an object without a prototype', Object.create(null), 'something without a readable message was thrown'],
  ['a message that is no text', Object.assign(new Error('x'), { message: { a: 1 } }), 'Error: [object Object]'],
  [
    'a message that cannot be read',
    Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('a getter')
      },
    }),
    'something without a readable message was thrown',
  ],
  ['an error of another realm', { name: 'Error', message: 'password=hunter2' }, 'password=***'],
  ['a symbol', Symbol('a'), 'Symbol(a)'],
  ['nothing', undefined, 'undefined'],
]

test.each(THROWN)('K2: %s may be thrown by a resource', async (_, thrown, text) => {
  const fail = () => {
    throw thrown
  }
  const app = express()
  const { sidecar, lines } = await service(undefined, app)
  sidecar.provide('db', { ...things().options, health: fail, stop: fail, kill: fail })
  await sidecar.ready
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/actuator/health`)
  expect(sidecar.status().resources).toMatchObject([{ status: 'DOWN', error: text }])
  await sidecar.stop({ drain: false })
  expect(lines).toContain(`warn leaving: resource "db" failed: ${text}`)
})

test.each(THROWN)('K2: %s may be thrown by a start, and by a stop hook', async (_, thrown, text) => {
  const { sidecar } = await service()
  const db = sidecar.provide('db', { start: () => Promise.reject(thrown as Error) })
  sidecar.onStop(() => Promise.reject(thrown as Error), { name: 'close' })
  const failed = {
    code: 'SIDECAR_START_FAILED',
    message: expect.stringContaining(`resource "db" failed: ${text}`) as string,
  }
  await expect(sidecar.ready).rejects.toMatchObject(failed)
  await expect(db.ready).rejects.toMatchObject(failed)
  await sidecar.stop()
  expect(sidecar.status().hooks).toMatchObject([{ name: 'close', state: 'failed', error: text }])
})
