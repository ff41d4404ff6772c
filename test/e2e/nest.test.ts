import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { answering } from '../support/member.js'
import { tempFolder } from '../support/temp-folder.js'
import { testRegistry } from '../support/registry.js'

const APP = new URL('../fixtures/apps/nest-app.mjs', import.meta.url)
afterEach(killChildren)

async function startNest(PLATFORM: string, auth: object = {}, env: Record<string, string> = {}) {
  const registry = await testRegistry()
  const bootstrap = {
    application: { name: 'nest-service' },
    server: { port: 0 },
    // Time for the requests of a test, also on a busy machine.
    sidecar: { drain: 2_000 },
    cloud: { nacos: { 'server-addr': registry.address, discovery: { ip: '127.0.0.1' } } },
    auth,
  }
  // JSON is YAML.
  const cwd = tempFolder({ 'bootstrap.yml': JSON.stringify(bootstrap) })
  const app = startChild(APP, { cwd, env: { PLATFORM, ...env } })
  await app.message('registered')
  const [instance] = registry.server.services().find(({ service }) => service === 'nest-service')!.instances
  const status = async (path: string, token?: string) => {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
    const response = await fetch(`http://127.0.0.1:${instance!.port}${path}`, { headers })
    return { status: response.status, body: (await response.json()) as unknown }
  }
  return { registry, app, status }
}

describe.each(['express', 'fastify'])('NestJS on %s', (platform) => {
  test('registers, answers health pages, leaves the registry before its hooks run', async () => {
    const { registry, app, status } = await startNest(platform)
    expect(await status('/hello')).toEqual({ status: 200, body: { hello: 'nest' } })
    expect(await status('/health')).toMatchObject({ status: 200, body: { status: 'UP', registered: true } })
    expect(await status('/actuator/health/readiness')).toMatchObject({ status: 200 })
    expect(await status('/_sidecar/status.json')).toMatchObject({ status: 200, body: { application: 'nest-service' } })
    expect(await status('/nothing')).toMatchObject({ status: 404, body: { error: 'Not Found' } })

    const gone = once(registry.server, 'deregister')
    app.signal('SIGTERM')
    await gone
    expect(await status('/hello')).toMatchObject({ status: 200 })
    expect(await status('/actuator/health/readiness')).toMatchObject({ status: 503 })
    expect(app.messages.map(({ type }) => type)).not.toContain('destroyed')
    const { code, signal } = await app.exited
    expect(signal ?? code).toSatisfy((end) => end === 'SIGTERM' || end === 143)
    expect(app.messages.map(({ type }) => type).filter((type) => type !== 'stopped')).toEqual([
      'registered',
      'deregistered',
      'draining',
      'destroyed',
      'shutdown',
    ])
  })

  test('K13: app.close() deregisters first, needs no drain, and stops the sidecar; its routes are guarded', async () => {
    const { registry, app, status } = await startNest(platform, { enabled: true, service: 'auth-service' })
    await registry.stub('auth-service', answering({ data: true }))
    expect(await status('/hello')).toMatchObject({ status: 401 })
    expect(await status('/health')).toMatchObject({ status: 200 })
    await vi.waitFor(async () => expect(await status('/hello', 't')).toEqual({ status: 200, body: { hello: 'nest' } }))

    app.send({})
    await app.message('closed')
    expect(app.messages.map(({ type }) => type)).toEqual([
      'registered',
      'deregistered',
      'destroyed',
      'shutdown',
      'stopped',
      'closed',
    ])
    expect(registry.server.services().find(({ service }) => service === 'nest-service')?.instances ?? []).toEqual([])
    expect(await app.exited).toEqual({ code: 0, signal: null })
  })
})

test.each([
  ['with', 'fastify', {}, ['destroyed', 'shutdown']],
  ['without', 'express', { HOOKS: 'off' }, []],
])('SidecarModule %s enableShutdownHooks() drains on %s, before any hook', async (_with, platform, env, hooks) => {
  const { registry, app, status } = await startNest(platform, {}, { MODULE: 'yes', ...env })
  const gone = once(registry.server, 'deregister')
  app.signal('SIGTERM')
  await gone
  expect(await status('/hello')).toMatchObject({ status: 200 })
  const { code, signal } = await app.exited
  expect(signal ?? code).toSatisfy((end) => end === 'SIGTERM' || end === 143)
  const said = app.messages.map(({ type }) => type).filter((type) => type !== 'stopped')
  expect(said).toEqual(['registered', 'deregistered', 'draining', ...hooks])
})
