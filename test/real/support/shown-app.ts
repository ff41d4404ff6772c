import express from 'express'
import { events } from 'nacos-sidecar/events'
import { createSidecar, defineClient, GET, type Sidecar, type Timer } from 'nacos-sidecar'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { testRegistry } from '../../support/registry.js'

/** Markup in every place that text of others can reach. */
export const MARKUP = '<img src=x onerror=window.attacked=1>'

const configOf = (text: string) => `db:
  url: mysql://orders:s3cret-of-db@db.internal:3306/orders
  password: s3cret-of-db
  pool-size: 10
feature: { new-checkout: true, banner: '${text}' }
`

/**
 * A service that calls two others, with something to see in every part of its page.
 *
 * @param text what others have written, wherever they can
 */
export async function shownApp(text = MARKUP): Promise<{
  readonly registry: Awaited<ReturnType<typeof testRegistry>>
  readonly sidecar: Sidecar
  readonly url: string
  /** Calls that succeed, and some that fail. */
  load(times: number): Promise<void>
  /** A timer that fails. */
  readonly rates: Timer
  /** From now on one instance of user-service fails: it is ejected. */
  breakOne(): void
}> {
  const registry = await testRegistry()
  registry.configs.publish({ dataId: 'order-service.yml', content: configOf(text) })
  registry.configs.publish({
    dataId: 'common.yml',
    content: 'logging: { level: { nacos-sidecar: info } }\nregion: eu-1',
  })
  let broken = false
  const answer =
    (mayBreak: boolean): RequestListener =>
    (_request, response) => {
      response.statusCode = mayBreak && broken ? 503 : 200
      setTimeout(() => response.end('{"name":"Ada"}'), 1 + Math.random() * 8)
    }
  for (const zone of ['a', 'b', 'c'])
    await registry.stub('user-service', answer(zone === 'b'), { metadata: { zone, version: '2.1.0', note: text } })
  await registry.stub('price-service', answer(false), {
    metadata: { zone: 'a', 'api-token': 's3cret-of-price' },
    weight: 2,
  })

  const app = express()
  const sidecar = createSidecar({
    ...{ app, configPath: false, signals: false, logger: SILENT },
    settings: registry.settings({
      application: { name: 'order-service' },
      'cloud.nacos.discovery.metadata': { zone: 'a', version: '1.4.2', owner: text },
      'cloud.nacos.config.shared-configs': [{ 'data-id': 'common.yml', refresh: true }],
      'sidecar.ejection': { failures: 3, time: '30s' },
      'sidecar.alerts': { webhook: 'http://127.0.0.1:9/hook', for: 0, timeout: '200ms' },
    }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  sidecar.provide('orders-db', { start: () => ({}), health: () => true, reload: 'db' })
  sidecar.onStart(() => {}, { name: 'load prices' })
  sidecar.onStop(() => {}, { name: text })
  await sidecar.ready
  const users = sidecar.client(defineClient('user-service', { byId: GET('/users/{id}', { retry: 0 }) }))
  const prices = sidecar.client(defineClient('price-service', { all: GET('/prices') }))
  app.get('/orders/:id', async (_request, response) => {
    await prices.all()
    response.json(await users.byId(7))
  })
  app.use(
    ((error, _request, response, _next) =>
      void response.status(502).json({ error: String(error) })) as express.ErrorRequestHandler,
  )
  const registered = once(sidecar, 'registered')
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(() => void (server.closeAllConnections(), server.close()))
  await registered
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  await sidecar.traced(`load ${text}`, () => {})
  const rates = sidecar.timer('refresh rates', { every: '1h' }, () => {
    throw new Error(`no rates today ${text}`)
  })
  sidecar.timer('nightly', { cron: '0 30 2 * * *', timezone: 'Europe/Berlin' }, () => {}, { on: 'one' })
  sidecar.timer(text, { every: '2h' }, () => {})
  await rates.run().catch(() => {})
  const bus = events(sidecar, { url: 'memory:' })
  const fail = () => {
    throw new Error(`no such order ${text}`)
  }
  const failing = bus.on('order-service', text, fail, { name: 'index', retry: false, concurrency: 3 })
  await Promise.all([failing.ready, bus.on('price-service', 'changed', () => {}, { mode: 'broadcast' }).ready])
  await bus.emit(text, { id: 7 }, { source: 'order-service' })
  return {
    ...{ registry, sidecar, url, rates },
    async load(times) {
      for (let n = 0; n < times; n++) await (await fetch(`${url}/orders/${n}`)).arrayBuffer()
    },
    breakOne: () => void (broken = true),
  }
}

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
