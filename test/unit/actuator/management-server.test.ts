import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { createSidecar, SidecarError } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { frameworks, serve } from '../../support/frameworks.js'
import { createMemoryTransport } from '../../support/memory-transport.js'
import { page } from './actuator-app.js'

/** A member with a management port; `listen` starts its own server. */
function member(settings: object, app?: unknown) {
  const logger = collectLog()
  const transport = createMemoryTransport()
  const sidecar = createSidecar({
    ...{ app, configPath: false, logger, transport, signals: false },
    settings: {
      'application.name': 'portal',
      'cloud.nacos.config.enabled': false,
      'cloud.nacos.discovery.ip': '127.0.0.1',
      'sidecar.drain': 0,
      ...settings,
    },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const registered = once(sidecar, 'registered')
  const port = () => /are on port (\d+)/.exec(logger.lines.join('\n'))?.[1]
  return { sidecar, registered, lines: logger.lines, base: () => `http://127.0.0.1:${port()}` }
}

const status = async (url: string, init?: RequestInit) => (await fetch(url, init)).status

describe.each(frameworks)('management.server.port with $name', (framework) => {
  test('has all pages, and the app has them no more; the app is registered, with its port', async () => {
    const app = framework.create()
    const { sidecar, registered, base } = member({ 'management.server.port': 0 }, app.app)
    await sidecar.ready
    app.route('GET', '/users/:id', () => ({}))
    const running = await app.listen()
    onTestFinished(running.close)
    await registered
    await page(`${running.url}/users/1`)

    const { metadata, port } = sidecar.status().instance!
    expect(port).toBe(running.port)
    expect(metadata['management.port']).toBe(new URL(base()).port)
    for (const path of ['', '/health', '/health/liveness', '/health/readiness', '/info', '/metrics', '/loggers'])
      expect(await status(`${base()}/actuator${path}`), path).toBe(200)
    expect(await page(`${base()}/actuator/prometheus`)).toContain('uri="/users/:id"')
    for (const path of ['', '/health', '/health/readiness', '/prometheus', '/info'])
      expect(await status(`${running.url}/actuator${path}`), path).toBe(404)
    // No page of Spring's: load balancers ask for it where the app is.
    expect(await status(`${running.url}/health`)).toBe(200)
    expect(await status(`${base()}/users/1`)).toBe(404)
    const level = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"configuredLevel":"WARN"}',
    }
    expect(await status(`${base()}/actuator/loggers/nacos-sidecar`, level)).toBe(204)
  })
})

test('an app of plain node:http has the pages too', async () => {
  const { sidecar, registered, base } = member({ 'management.server.port': 0 })
  await sidecar.ready
  const running = await serve(createServer((_request, response) => response.end('mine')))
  onTestFinished(running.close)
  await registered
  expect(sidecar.status().instance!.port).toBe(running.port)
  expect(await page(`${base()}/actuator/prometheus`)).toContain('nacos_sidecar_registered{application="portal"} 1')
  expect(await page(`${running.url}/actuator/prometheus`)).toBe('mine')
})

test('it is not guarded, and the guard of every server leaves it alone', async () => {
  const { sidecar, base } = member({
    'management.server.port': 0,
    'auth.enabled': true,
    'auth.service': 'http://127.0.0.1:1',
  })
  await sidecar.ready
  expect(await status(`${base()}/actuator/prometheus`)).toBe(200)
})

test('while leaving, readiness is OUT_OF_SERVICE there until the end; then it is closed', async () => {
  const { sidecar, registered, base } = member({ 'management.server.port': 0, 'sidecar.drain': '1h' })
  await sidecar.ready
  const running = await serve(createServer((_request, response) => response.end()))
  onTestFinished(running.close)
  await registered
  const readiness = `${base()}/actuator/health/readiness`
  expect(await status(readiness)).toBe(200)
  const draining = once(sidecar, 'draining')
  const stopped = sidecar.stop()
  await draining
  const answer = await fetch(readiness)
  expect([answer.status, await answer.json()]).toEqual([503, { status: 'OUT_OF_SERVICE', phase: 'leaving' }])
  const text = await page(`${base()}/actuator/prometheus`)
  expect(text).toContain('nacos_sidecar_drain_active{application="portal"} 1')
  expect(text).toContain('nacos_sidecar_phase{phase="leaving",application="portal"} 1')
  const idle = connect(Number(new URL(base()).port), '127.0.0.1')
  await once(idle, 'connect')
  void sidecar.stop({ drain: false })
  await Promise.all([stopped, once(idle, 'close')])
  await expect(fetch(readiness)).rejects.toThrow()
})

test('a port in use ends the start with an error of its own', async () => {
  const other = await serve(createServer())
  onTestFinished(other.close)
  const { sidecar, lines } = member({ 'management.server.port': other.port, 'management.server.address': '127.0.0.1' })
  const error = await sidecar.ready.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SidecarError)
  expect((error as SidecarError).code).toBe('SIDECAR_MANAGEMENT_PORT')
  await vi.waitFor(() =>
    expect(lines.join('\n')).toContain(`management.server.port ${other.port} at 127.0.0.1: the port is in use`),
  )
  await sidecar.stop()
})

test('the port of the app is no port of its own; -1 answers the health pages alone', async () => {
  const app = frameworks[0]!.create()
  const probe = createServer().listen(0)
  const { port } = probe.address() as AddressInfo
  probe.close()
  member(
    { 'server.port': port, 'management.server.port': port, 'management.endpoints.web.exposure.include': '*' },
    app.app,
  )
  const running = await app.listen()
  onTestFinished(running.close)
  expect(await status(`${running.url}/actuator/info`)).toBe(200)

  const none = frameworks[0]!.create()
  member({ 'management.server.port': -1, 'management.endpoints.web.exposure.include': '*' }, none.app)
  const other = await none.listen()
  onTestFinished(other.close)
  expect(await status(`${other.url}/actuator/info`)).toBe(404)
  expect(await status(`${other.url}/actuator/health`)).toBe(200)
})

test('paths of the settings are in the metadata, as Spring Cloud Alibaba writes them', async () => {
  const { sidecar, registered, base } = member({
    ...{ 'management.server.port': 0, 'management.server.address': '127.0.0.1', 'management.server.base-path': '/ops' },
    'management.endpoints.web.base-path': '/',
  })
  await sidecar.ready
  const running = await serve(createServer((_request, response) => response.end()))
  onTestFinished(running.close)
  await registered
  expect(sidecar.status().instance!.metadata).toMatchObject({
    'management.port': new URL(base()).port,
    'management.address': '127.0.0.1',
    'management.context-path': '/ops',
    'management.endpoints.web.base-path': '/',
  })
  for (const path of ['/ops/prometheus', '/ops/health', '/ops/info'])
    expect(await status(base() + path), path).toBe(200)
  expect(await status(`${base()}/prometheus`)).toBe(404)
})
