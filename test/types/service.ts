/** Compiled, never run: the app that `setup` gets follows the backend. */
import { createServer, type Server } from 'node:http'
import type { NestExpressApplication } from '@nestjs/platform-express'
import express, { type Express } from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import Koa from 'koa'
import type { Sidecar } from 'nacos-sidecar'
import { defineService, runServices, type Service, type ServicePlugin } from 'nacos-sidecar/service'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>) => {}

const anywhere: ServicePlugin = (sidecar) => sidecar.provide('db', { start: () => 1 })
const onFastify: ServicePlugin<FastifyInstance> = (_sidecar, app) => void app.get('/', async () => 1)

const named = {
  express: defineService({
    backend: 'express',
    setup: (app) => void app.get('/', (_request, response) => void response.json(1)),
  }),
  fastify: defineService({
    backend: 'fastify',
    plugins: [anywhere, onFastify],
    setup: (app) => void app.get('/', async () => 1),
  }),
  koa: defineService({ backend: 'koa', setup: (app) => void app.use((context) => void (context.body = 1)) }),
  http: defineService({
    backend: 'http',
    setup: (app) => void app.on('request', (_request, response) => void response.end()),
  }),
  none: defineService({ setup: (app) => void app.on('request', () => {}) }),
}
same<typeof named.express, Service<Express>>(true)
same<typeof named.fastify, Service<FastifyInstance>>(true)
same<typeof named.koa, Service<Koa>>(true)
same<typeof named.http, Service<Server>>(true)
same<typeof named.none, Service<Server>>(true)

declare const nest: NestExpressApplication
const made = [
  defineService({ backend: express, setup: (app) => void app.get('/', () => {}) }),
  defineService({ backend: express(), setup: (app) => void app.get('/', () => {}) }),
  defineService({ backend: async () => express(), setup: (app) => void app.get('/', () => {}) }),
  defineService({ backend: () => fastify({ logger: true }), setup: (app) => void app.get('/', async () => 1) }),
  defineService({ backend: Koa, setup: (app) => void app.use(() => {}) }),
  defineService({ backend: createServer, setup: (app) => void app.on('request', () => {}) }),
  defineService({ backend: nest, setup: (app) => void app.useGlobalPipes() }),
] as const

export async function run(): Promise<void> {
  const app: FastifyInstance = await named.fastify.application()
  await app.inject('/')
  const { app: koa, sidecar, url } = await named.koa.run({ port: 0, host: '127.0.0.1' })
  const own: [Koa, Sidecar, string] = [koa, sidecar, url]
  await runServices(...made, named.http)
  await using all = await runServices([named.express, named.koa], { settings: {}, together: true })
  void [own, all.services[0]?.url]
}

// @ts-expect-error there is no such backend
void defineService({ backend: 'hapi' })
// @ts-expect-error an Express app has no inject
void defineService({ backend: 'express', setup: (app) => void app.inject('/') })
// @ts-expect-error a plugin for Fastify is none for Koa
void defineService({ backend: 'koa', plugins: [onFastify] })
// @ts-expect-error `isolated` is what runServices is for
void runServices([named.http], { isolated: false })
