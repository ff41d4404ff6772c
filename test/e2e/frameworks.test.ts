import { once } from 'node:events'
import type { DevServer } from 'nacos-sidecar/testing'
import { afterAll, describe, expect, test, vi, type TestContext } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { devRegistry } from '../support/registry.js'
import { tempFolder } from '../support/temp-folder.js'

const APP = new URL('../fixtures/apps/framework-app.mjs', import.meta.url)
afterAll(killChildren)

const BOOTSTRAP = `
spring:
  application: { name: hello-service }
  cloud:
    nacos:
      server-addr: \${REGISTRY}
      discovery: { ip: 127.0.0.1, weight: 3, cluster-name: HZ, metadata: { zone: 杭州, version: "1.10" } }
server: { port: 0 }
sidecar: { drain: 1500ms }
`

function startApp({ onTestFinished }: TestContext, registry: DevServer, env: Record<string, string>) {
  const cwd = tempFolder({ 'bootstrap.yml': BOOTSTRAP }, onTestFinished)
  return startChild(APP, { cwd, env: { REGISTRY: registry.address, ...env } })
}

const registeredOf = async (registry: DevServer) => {
  await vi.waitFor(() => expect(registry.services()[0]?.instances).toHaveLength(1), 40_000)
  return registry.services()[0]!.instances[0]!
}

const get = async (url: string) => {
  const response = await fetch(url)
  return {
    status: response.status,
    connection: response.headers.get('connection'),
    body: (await response.json()) as object,
  }
}

// The newer majors with a handler of their own, which await nothing: fault 21.
const OLDER = ['express4', 'fastify4', 'koa2']
describe.each([...OLDER, 'express5', 'fastify5', 'koa3', 'http'])('%s', (FRAMEWORK) => {
  const handlers = [
    { HANDLER: 'none', exit: { code: null, signal: 'SIGTERM' } },
    { HANDLER: 'close', exit: { code: 0, signal: null } },
  ]
  test.concurrent.for(OLDER.includes(FRAMEWORK) ? handlers : handlers.slice(0, 1))(
    'registers what it listens on, leaves before it closes; handler: $HANDLER',
    async ({ HANDLER, exit }, context) => {
      const registry = await devRegistry({}, context.onTestFinished)
      const app = startApp(context, registry, { FRAMEWORK, HANDLER, ...(HANDLER === 'none' && { FIRST: '1' }) })

      const instance = await registeredOf(registry)
      expect(instance).toMatchObject({
        service: 'hello-service',
        ip: '127.0.0.1',
        weight: 3,
        cluster: 'HZ',
        healthy: true,
        enabled: true,
        ephemeral: true,
      })
      expect(instance.metadata).toMatchObject({
        zone: '杭州',
        version: '1.10',
        'preserved.heart.beat.interval': '10000',
        'preserved.heart.beat.timeout': '30000',
        'preserved.ip.delete.timeout': '90000',
      })
      const url = `http://127.0.0.1:${instance.port}`
      expect(await get(`${url}/hello`)).toMatchObject({ status: 200, body: { hello: 'world', pid: app.pid } })
      if (FRAMEWORK !== 'http') {
        const { status } = await app.message<{ status: { lastBeatAt: string } }>('registered')
        expect((await get(`${url}/health`)).body).toEqual({
          status: 'UP',
          phase: 'serving',
          registered: true,
          lastBeat: status.lastBeatAt,
        })
        expect((await get(`${url}/actuator/health/readiness`)).status).toBe(200)
      }

      const gone = once(registry, 'deregister')
      app.signal('SIGTERM')
      await gone
      // Callers with an old list are served for the drain, and told to go elsewhere.
      expect(await get(`${url}/hello`)).toMatchObject({ status: 200, connection: 'close' })
      if (FRAMEWORK !== 'http') {
        expect(await get(`${url}/actuator/health/readiness`)).toMatchObject({ status: 503, body: { phase: 'leaving' } })
        expect(await get(`${url}/actuator/health/liveness`)).toMatchObject({ status: 200 })
      }
      expect(await app.exited).toEqual(exit)
      const order = app.messages.map(({ type }) => type)
      expect(order.slice(0, 3)).toEqual(['registered', 'deregistered', 'draining'])
      if (HANDLER === 'close') expect(order).toContain('closed')
      expect(registry.services().flatMap((service) => service.instances)).toEqual([])
    },
  )
})
