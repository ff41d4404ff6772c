import { once } from 'node:events'
import { createServer } from 'node:http'
import { createSidecar } from 'nacos-sidecar'
import { expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { frameworks, serve, type Running, type TestApp } from '../../support/frameworks.js'
import { testRegistry } from '../../support/registry.js'

const plain = {
  name: 'node:http',
  create: (): TestApp => {
    const routes = new Map<string, () => unknown>()
    const server = createServer((request, response) => {
      const handler = routes.get(request.url!)
      response.writeHead(handler ? 200 : 404).end(JSON.stringify(handler?.() ?? null))
    })
    return {
      app: undefined,
      route: (_method, path, handler) => void routes.set(path, () => handler(undefined as never, undefined)),
      fallback: () => {},
      listen: () => serve(server),
    }
  },
}

test.each([...frameworks, plain])('$name: registers with the first request that counts', async ({ create }) => {
  const registry = await testRegistry()
  const logger = collectLog()
  const own = create()
  own.route('GET', '/hello', () => ({ hello: 1 }))
  const sidecar = createSidecar({
    app: own.app,
    configPath: false,
    signals: false,
    logger,
    verify: (token) => token === 'good',
    settings: registry.settings({
      'application.name': 'lazy',
      'cloud.nacos.discovery.ip': '127.0.0.1',
      'auth.enabled': true,
      'sidecar.register-on': 'request',
    }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const running: Running = await own.listen()
  onTestFinished(() => running.close())
  await sidecar.ready
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${running.url}${path}`, init)
    await response.text()
    return response.status
  }
  const registered = once(sidecar, 'registered')
  await ask('/health')
  expect(await ask('/hello', { headers: { 'user-agent': 'kube-probe/1.30', authorization: 'Bearer good' } })).toBe(200)
  const preflight = { origin: 'http://a', 'access-control-request-method': 'GET' }
  await ask('/hello', { method: 'OPTIONS', headers: preflight })
  expect(await ask('/hello')).toBe(401)
  expect(await ask('/hello', { headers: { authorization: 'Bearer bad' } })).toBeGreaterThanOrEqual(401)
  expect([sidecar.status().registered, logger.lines.filter((line) => line.includes('registering'))]).toEqual([
    false,
    [expect.stringContaining('registering 127.0.0.1')],
  ])
  expect(registry.server.services()).toEqual([])

  expect(await ask('/hello', { headers: { authorization: 'Bearer good' } })).toBe(200)
  await registered
  expect(registry.server.services().map(({ service }) => service)).toEqual(['lazy'])
  await ask('/hello', { headers: { authorization: 'Bearer good' } })
  expect(logger.lines.filter((line) => line.includes('the first request was answered'))).toHaveLength(1)
})

test('a streamed answer counts when it begins', async () => {
  const registry = await testRegistry()
  let resolve = () => {}
  const end = new Promise<void>((settle) => (resolve = settle))
  const server = createServer(async (_request, response) => {
    response.write('data: 1\n\n')
    await end
    response.end()
  })
  const sidecar = createSidecar({
    configPath: false,
    signals: false,
    logger: collectLog(),
    settings: registry.settings({ 'application.name': 'stream', 'sidecar.register-on': 'request' }),
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const running = await serve(server)
  onTestFinished(() => running.close())
  await sidecar.ready
  const registered = once(sidecar, 'registered')
  const response = await fetch(running.url)
  await registered
  resolve()
  expect(await response.text()).toBe('data: 1\n\n')
})

test('sidecar.register-retries: then it serves without being registered, until it asks again', async () => {
  const registry = await testRegistry()
  await registry.server.stop()
  const logger = collectLog()
  const server = createServer((_request, response) => response.end('ok'))
  const sidecar = createSidecar({
    configPath: false,
    signals: false,
    logger,
    settings: {
      ...registry.settings({ 'application.name': 'few' }),
      'cloud.nacos.config.enabled': false,
      'sidecar.register-retries': 1,
      'sidecar.register-retry-interval': 50,
    },
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const running = await serve(server)
  onTestFinished(() => running.close())
  const gaveUp = () => logger.lines.filter((line) => line.startsWith('error gave up registering'))
  await expect.poll(gaveUp).toEqual([expect.stringContaining('after 2 attempts (sidecar.register-retries)')])
  expect(await (await fetch(running.url)).text()).toBe('ok')

  sidecar.register()
  await expect.poll(() => gaveUp().length).toBe(2)
})
