import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { importPackage, silent } from '../support/package.js'
import type { Handlers } from '../support/worker.js'

export type Framework = 'express' | 'fastify' | 'koa'

export interface AppOptions {
  readonly framework: Framework
  readonly guarded: boolean
  readonly registry: string
}

type Guard = (app: object) => void

const user = (id: string) => ({ id, name: 'Ada Lovelace', email: 'ada@example.com' })

/** An app with one route; guarded, it is all a sidecar makes of it: registered, with context and health page. */
export async function app({ framework, guarded, registry }: AppOptions): Promise<Handlers> {
  const server = await FRAMEWORKS[framework](guarded ? await guardBy(registry, framework) : () => {})
  server.keepAliveTimeout = 120_000
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const { port } = server.address() as AddressInfo
  return {
    port: () => port,
    cpuMicros() {
      const { user, system } = process.cpuUsage()
      return user + system
    },
    rssMb: () => process.memoryUsage().rss / 2 ** 20,
  }
}

const FRAMEWORKS: Readonly<Record<Framework, (guard: Guard) => Promise<Server>>> = {
  async express(guard) {
    const { default: express } = await import('express')
    const app = express()
    guard(app)
    app.get('/users/:id', (request, response) => void response.json(user(request.params.id)))
    return createServer(app)
  },
  async fastify(guard) {
    const { default: fastify } = await import('fastify')
    const app = fastify()
    guard(app)
    app.get<{ Params: { id: string } }>('/users/:id', async (request) => user(request.params.id))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  async koa(guard) {
    const [{ default: Koa }, { default: Router }] = await Promise.all([import('koa'), import('@koa/router')])
    const app = new Koa()
    guard(app)
    const router = new Router()
    router.get('/users/:id', (context) => {
      context.body = user(String(context['params'].id))
    })
    app.use(router.routes())
    return createServer(app.callback())
  },
}

async function guardBy(registry: string, framework: Framework): Promise<Guard> {
  const { initSidecar } = await importPackage()
  return (app) =>
    void initSidecar(app, {
      ...{ configPath: false, signals: false, logger: silent },
      settings: {
        application: { name: `bench-${framework}` },
        auth: { enabled: true },
        cloud: { nacos: { serverAddr: registry, discovery: { ip: '127.0.0.1' } } },
      },
      verify: async () => true,
    })
}
