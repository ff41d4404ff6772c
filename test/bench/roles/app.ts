import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { observability } from '../support/observability.js'
import { importPackage } from '../support/package.js'
import type { Handlers } from '../support/worker.js'

export type Framework = 'express' | 'fastify' | 'koa'

/**
 * `bare` has no sidecar, `idle` one that does nothing for a request: auth, figures and context are off; `open` is one with
 * `auth.enabled: false`; `guardOnly` makes no calls (`forward-context: false`),
 * `unobserved` is guarded and keeps no figures, `observed` is guarded with all of observability on.
 */
export type SideName = 'bare' | 'idle' | 'open' | 'guarded' | 'unobserved' | 'observed' | 'guardOnly'

export interface AppOptions {
  readonly framework: Framework
  readonly side: SideName
  readonly registry: string
  /** URL of another build of the package. */
  readonly build?: string | undefined
}

type Join = (app: object) => void

const user = (id: string) => ({ id, name: 'Ada Lovelace', email: 'ada@example.com' })

/** An app with one route; with a sidecar, it is all a sidecar makes of it: registered, with context and health page. */
export async function app(options: AppOptions): Promise<Handlers> {
  const server = await FRAMEWORKS[options.framework](options.side === 'bare' ? () => {} : await joinWith(options))
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

const FRAMEWORKS: Readonly<Record<Framework, (join: Join) => Promise<Server>>> = {
  async express(join) {
    const { default: express } = await import('express')
    const app = express()
    join(app)
    app.get('/users/:id', (request, response) => void response.json(user(request.params.id)))
    return createServer(app)
  },
  async fastify(join) {
    const { default: fastify } = await import('fastify')
    const app = fastify()
    join(app)
    app.get<{ Params: { id: string } }>('/users/:id', async (request) => user(request.params.id))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  async koa(join) {
    const [{ default: Koa }, { default: Router }] = await Promise.all([import('koa'), import('@koa/router')])
    const app = new Koa()
    join(app)
    const router = new Router()
    router.get('/users/:id', (context) => {
      context.body = user(String(context['params'].id))
    })
    app.use(router.routes())
    return createServer(app.callback())
  },
}

async function joinWith({ registry, framework, side, build }: AppOptions): Promise<Join> {
  const { initSidecar } = await importPackage(build)
  const { options, settings } = await observability(
    side === 'observed' ? 'all' : side === 'unobserved' || side === 'idle' ? 'off' : 'default',
  )
  return (app) =>
    void initSidecar(app, {
      ...{ configPath: false, signals: false, ...options },
      settings: {
        ...settings,
        application: { name: `bench-${framework}` },
        // The decision is known throughout; by default it is asked for again every 5 s.
        auth: { enabled: side !== 'open' && side !== 'idle', cacheTtl: '10m' },
        sidecar: { ...settings.sidecar, forwardContext: side !== 'guardOnly' && side !== 'idle' },
        cloud: { nacos: { serverAddr: registry, discovery: { ip: '127.0.0.1' } } },
      },
      verify: async () => true,
    })
}
