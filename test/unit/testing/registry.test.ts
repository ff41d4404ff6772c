import { once } from 'node:events'
import { createServer } from 'node:http'
import { createSidecar } from 'nacos-sidecar'
import { startTestRegistry } from 'nacos-sidecar/testing'
import { expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'

/** What a user's own test would do. */
async function joined(settings: object) {
  const server = createServer((_request, response) => response.end('mine'))
  const sidecar = createSidecar({ configPath: false, settings, signals: false, logger: collectLog() })
  onTestFinished(() => sidecar.stop())
  const registered = once(sidecar, 'registered')
  server.listen(0, '127.0.0.1')
  await registered
  return sidecar
}

test('a sidecar on a test registry registers, reads its config and calls a stub', async () => {
  await using registry = await startTestRegistry()
  const stub = await registry.stub('user-service', (_request, response) => response.end('stubbed'), {
    weight: 5,
    group: 'BLUE',
    cluster: 'HZ',
    metadata: { version: '2' },
  })
  expect(stub.instance).toMatchObject({
    service: 'user-service',
    group: 'BLUE',
    cluster: 'HZ',
    weight: 5,
    ip: '127.0.0.1',
    metadata: { version: '2' },
  })
  expect(await (await fetch(stub.url)).text()).toBe('stubbed')
  registry.configs.publish({ dataId: 'portal.yml', content: 'greeting: hello' })

  const sidecar = await joined(
    registry.settings({ application: { name: 'portal' }, cloud: { nacos: { discovery: { weight: 2 } } } }),
  )
  expect(sidecar.config.get('greeting')).toBe('hello')
  expect(await sidecar.discovery.instances('user-service')).toEqual([])
  expect(await sidecar.discovery.instances('BLUE@@user-service')).toEqual([stub.instance])
  expect(sidecar.status().instance).toMatchObject({ service: 'portal', weight: 2, ip: '127.0.0.1' })
})

test('stubs of one name share the calls; a stopped one is gone at once', async () => {
  await using registry = await startTestRegistry()
  const stubs = await Promise.all(
    ['a', 'b'].map((who) => registry.stub('user-service', (_request, response) => response.end(who))),
  )
  const sidecar = await joined(registry.settings({ application: { name: 'portal' } }))
  const call = async () => (await sidecar.fetch('http://user-service/')).text()
  expect([await call(), await call()].toSorted()).toEqual(['a', 'b'])

  const changed = once(sidecar, 'instancesChanged')
  await stubs[0]!.stop()
  await stubs[0]!.stop()
  await changed
  expect([await call(), await call()]).toEqual(['b', 'b'])
  await expect(fetch(stubs[0]!.url)).rejects.toThrow()
})

test('with auth on, settings carry the login', async () => {
  await using registry = await startTestRegistry({ auth: { username: 'nacos', password: 'canary' } })
  await registry.stub('user-service', (_request, response) => response.end('ok'))
  const sidecar = await joined(registry.settings({ application: { name: 'portal' } }))
  expect(await (await sidecar.fetch('http://user-service/')).text()).toBe('ok')
})

test('what falls silent is noticed in seconds', async () => {
  await using registry = await startTestRegistry({ beat: { intervalMs: 100, timeoutMs: 200, deleteMs: 400 } })
  const expired = once(registry.server, 'expire')
  const form = new URLSearchParams({ serviceName: 'silent', ip: '10.0.0.1', port: '80' })
  await fetch(`${registry.server.url}/nacos/v1/ns/instance`, { method: 'POST', body: form })
  expect(await expired).toMatchObject([{ instance: { service: 'silent' } }])
})

test('stop() ends stubs and registry, and may be called twice', async () => {
  const registry = await startTestRegistry()
  const stub = await registry.stub('user-service', (_request, response) => response.end())
  await Promise.all([registry.stop(), registry.stop()])
  await expect(fetch(stub.url)).rejects.toThrow()
  await expect(fetch(registry.server.url)).rejects.toThrow()
})
