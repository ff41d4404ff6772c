import { once } from 'node:events'
import { createServer } from 'node:http'
import { SidecarError } from 'nacos-sidecar'
import { currentSidecar, defineService, runServices, type Service } from 'nacos-sidecar/service'
import { expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { testRegistry } from '../../support/registry.js'

async function home() {
  const registry = await testRegistry()
  const settings = registry.settings({ 'sidecar.push': 'off', 'server.address': '127.0.0.1' })
  const options = { configPath: false, settings, logger: collectLog(), signals: false } as const
  const listed = () =>
    registry.server
      .services()
      .filter(({ instances }) => instances.length > 0)
      .map(({ service }) => service)
  return { registry, options, listed }
}

/** `GET /` answers with what the service of this name answers, or with its own name. */
const asking = (name: string, next?: string, order: string[] = []) =>
  defineService({
    name,
    backend: 'http',
    setup(server, sidecar) {
      order.push(`${name} starts`)
      sidecar.onStop(() => void order.push(`${name} stops`))
      server.on('request', async (_request, response) => {
        response.end(next ? await (await sidecar.fetch(`http://${next}/`)).text() : name)
      })
    },
  })

test('each has a port and a sidecar of its own; they start in order, call each other, and stop in reverse', async () => {
  const { options, listed } = await home()
  const order: string[] = []
  const all = await runServices([asking('stock', undefined, order), asking('orders', 'stock', order)], options)
  const [stock, orders] = all.services
  expect(await (await fetch(orders!.url)).text()).toBe('stock')
  expect(stock!.port).not.toBe(orders!.port)
  expect(stock!.sidecar).not.toBe(orders!.sidecar)
  expect(listed()).toEqual(['stock', 'orders'])
  expect(() => currentSidecar()).toThrow(expect.objectContaining({ code: 'SIDECAR_SERVICE_NONE' }))
  await all.stop()
  expect(listed()).toEqual([])
  expect(order).toEqual(['stock starts', 'orders starts', 'orders stops', 'stock stops'])
})

test('on every backend at once, side by side, and disposed at the end of a block', async () => {
  const { options, listed } = await home()
  const services: Service[] = [
    defineService({ name: 'a', backend: 'express', setup: (app) => void app.get('/', (_, r) => void r.end('a')) }),
    defineService({ name: 'b', backend: 'fastify', setup: (app) => void app.get('/', async () => 'b') }),
    defineService({ name: 'c', backend: 'koa', setup: (app) => void app.use((context) => void (context.body = 'c')) }),
    asking('d'),
  ]
  {
    await using all = await runServices(services, { ...options, together: true })
    const answers = await Promise.all(all.services.map(async ({ url }) => (await fetch(url)).text()))
    expect(answers).toEqual(['a', 'b', 'c', 'd'])
    expect(listed().sort()).toEqual(['a', 'b', 'c', 'd'])
  }
  expect(listed()).toEqual([])
})

test.each([false, true])('one that fails stops all (together: %s)', async (together) => {
  const { options, listed } = await home()
  const order: string[] = []
  const broken = defineService({
    name: 'broken',
    setup() {
      throw new Error('no database')
    },
  })
  const starting = runServices([asking('first', undefined, order), broken, asking('last', undefined, order)], {
    ...options,
    together,
  })
  await expect(starting).rejects.toMatchObject({ code: 'SIDECAR_START_FAILED' })
  expect(listed()).toEqual([])
  const last = together ? ['last starts', 'last stops'] : []
  expect([...order].sort()).toEqual(['first starts', 'first stops', ...last].sort())
})

test('a service listens on the port that it names itself', async () => {
  const { options } = await home()
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const named = defineService({ name: 'named', settings: { server: { port } } })
  await expect(runServices([asking('free'), named], options)).rejects.toMatchObject({ code: 'SIDECAR_LISTEN_FAILED' })
})

test('one listener of signals for all, which goes with them', async () => {
  const { options, listed } = await home()
  const order: string[] = []
  // Of this process's own: what the shutdown ends with must not end the tests.
  const before = new Set(process.listeners('SIGTERM'))
  const all = await runServices([asking('a', undefined, order), asking('b', undefined, order)], {
    ...options,
    signals: true,
  })
  const added = process.listeners('SIGTERM').filter((listener) => !before.has(listener))
  expect(added).toHaveLength(1)
  await all.stop()
  expect(process.listeners('SIGTERM').filter((listener) => !before.has(listener))).toHaveLength(0)
  expect(listed()).toEqual([])
})

test('one that runs already is refused, and goes on serving', async () => {
  const { options } = await home()
  const order: string[] = []
  const own = asking('own', undefined, order)
  const running = await own.run({ ...options, port: 0, isolated: true })
  onTestFinished(() => running.stop())
  const starting = runServices([asking('other', undefined, order), own], options)
  await expect(starting).rejects.toMatchObject({ code: 'SIDECAR_ALREADY_STARTED' })
  expect(order).toEqual(['own starts', 'other starts', 'other stops'])
  expect((await fetch(running.url)).status).toBe(200)
  const twice = asking('twice', undefined, order)
  await expect(runServices([twice, twice], options)).rejects.toMatchObject({ code: 'SIDECAR_ALREADY_STARTED' })
  expect(order.slice(3)).toEqual(['twice starts', 'twice stops'])
})

test('what is no service says so', async () => {
  for (const wrong of [runServices(), runServices({} as Service), runServices([])])
    await expect(wrong).rejects.toThrow(SidecarError)
})
