import type { ConfigItem } from 'nacos-sidecar'
import { expect, test, vi, onTestFinished } from 'vitest'
import { devRegistry, form } from '../../../support/registry.js'
import { startFaultProxy } from '../../../support/fault-proxy.js'
import { anInstance, ORDERS } from '../../../support/transport.js'
import { startScriptedRegistry } from '../../../support/scripted-registry.js'
import { openSdk } from '../../../support/nacos-sdk.js'

// What the SDK makes of a failure, and what the transport must make of it. Where the first half of such a test fails,
// the SDK has changed for the better.

const KEY = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'application.yml' }

test('a dead registry is a rejection, where the SDK returns the copy on disk', async () => {
  const registry = await devRegistry()
  const proxy = await startFaultProxy({ port: registry.port })
  onTestFinished(() => proxy.close())
  const { config, transport } = openSdk(`${proxy.host}:${proxy.port}`)
  await form(registry, 'POST', '/v1/cs/configs', { dataId: KEY.dataId, group: KEY.group, content: 'a: 1' })
  await vi.waitFor(async () => expect(await transport.getConfig(KEY)).toMatchObject({ content: 'a: 1' }))

  await proxy.set('refuse')
  expect(await config.getConfig(KEY.dataId, KEY.group, undefined)).toBe('a: 1')
  await expect(transport.getConfig(KEY)).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_UNAVAILABLE',
    message: expect.stringContaining('application.yml (DEFAULT_GROUP)'),
  })
})

test('a registry that fails after it said "absent" is a rejection, where the SDK returns an empty document', async () => {
  const registry = await devRegistry()
  const proxy = await startFaultProxy({ port: registry.port })
  onTestFinished(() => proxy.close())
  const { config, transport } = openSdk(`${proxy.host}:${proxy.port}`)
  expect(await transport.getConfig(KEY)).toBeUndefined()
  await proxy.set('reset')
  expect(await config.getConfig(KEY.dataId, KEY.group, undefined)).toBe('')
  await expect(transport.getConfig(KEY)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
})

test('any 404 is a rejection, where the SDK says absent, stored and removed', async () => {
  // Without a route it answers as a server that has no such API.
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  const { config, transport } = openSdk(server.address)
  const { dataId, group } = KEY
  expect(await config.getConfig(dataId, group, undefined)).toBeNull()
  expect(await config.publishSingle(dataId, group, 'a: 1', undefined)).toBe(true)
  expect(await config.remove(dataId, group, undefined)).toBe(true)

  const unsupported = { code: 'SIDECAR_REGISTRY_UNSUPPORTED' }
  await expect(transport.getConfig(KEY)).rejects.toMatchObject(unsupported)
  await expect(transport.publishConfig({ ...KEY, content: 'a: 1' })).rejects.toMatchObject(unsupported)
  await expect(transport.deleteConfig(KEY)).rejects.toMatchObject(unsupported)
})

test('a service whose last instance left is empty, where the SDK returns its last list', async () => {
  const registry = await devRegistry()
  const { naming, transport } = openSdk(registry.address)
  const one = anInstance()
  await transport.register(one)
  const asSdk = () => naming.getAllInstances(one.service, one.group, '', false)
  await vi.waitFor(async () => expect(await asSdk()).toHaveLength(1))
  await transport.deregister(one)
  await vi.waitFor(async () => expect(await transport.list(ORDERS)).toEqual([]))
  expect(await asSdk()).toHaveLength(1)
})

test('a list that cannot be had is a rejection, where the SDK subscribes to an empty one', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('/v1/ns/instance/list', { status: 500, body: 'caused: broken' })
  const { naming, transport } = openSdk(server.address)
  // It reports its failed update to the console.
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => printed.mockRestore())
  expect(await naming.getAllInstances('orders', 'DEFAULT_GROUP', '', true)).toEqual([])
  await expect(transport.list(ORDERS)).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_UNAVAILABLE',
    message: expect.stringContaining('DEFAULT_GROUP@@orders'),
  })
})

test.for([
  ['no list of instances', '{"hosts":null}'],
  ['no JSON', '<html>gateway</html>'],
  ['half an instance', '{"hosts":[{"ip":"10.0.0.7"}]}'],
])('an answer with %s is no list', async ([, body]) => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('/v1/ns/instance/list', { body })
  const { transport } = openSdk(server.address)
  await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
})

test('a refused registration leaves no heartbeat behind, which would register it after all', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('POST /nacos/v1/ns/instance', { status: 400, body: 'caused: no' })
  server.on('DELETE /nacos/v1/ns/instance', { body: 'ok' })
  const { naming, transport } = openSdk(server.address)
  const { _beatReactor: beats } = naming as unknown as { _beatReactor: { _dom2Beat: Map<string, unknown> } }
  await expect(naming.registerInstance('other', { instanceId: '', ...anInstance() })).rejects.toThrow()
  expect(beats._dom2Beat.size).toBe(1)
  await expect(transport.register(anInstance())).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  await vi.waitFor(() => expect(server.seen('DELETE')).toHaveLength(1))
  expect(beats._dom2Beat.size).toBe(1)
})

test('a failed re-registration does not take the instance away', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  let status = 200
  server.on('POST /nacos/v1/ns/instance', () => ({ status, body: 'ok' }))
  server.on('DELETE /nacos/v1/ns/instance', { body: 'ok' })
  const { transport } = openSdk(server.address)
  await transport.register(anInstance())
  status = 500
  await expect(transport.register(anInstance({ weight: 2 }))).rejects.toMatchObject({ name: 'SidecarError' })
  await transport.list(ORDERS).catch(() => {})
  expect(server.seen('DELETE')).toEqual([])
})

test('a watch reports what the registry holds, not the copy on disk that the SDK announces', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  let answer: { status: number; body: string } = { status: 200, body: 'a: 1' }
  server.on('GET /nacos/v1/cs/configs', () => answer)
  server.on('POST /nacos/v1/cs/configs/listener', () => 'never')
  const { config, transport } = openSdk(server.address)
  await transport.getConfig(KEY) // leaves the copy

  answer = { status: 500, body: 'down' }
  const announced: unknown[] = []
  config.subscribe({ dataId: KEY.dataId, group: KEY.group }, (content: unknown) => announced.push(content))
  const told: (ConfigItem | undefined)[] = []
  const end = transport.watchConfig(KEY, 'd41d8cd98f00b204e9800998ecf8427e', (item) => told.push(item))
  onTestFinished(end)
  await vi.waitFor(() => expect(announced).toEqual(['a: 1']))
  expect(told).toEqual([])

  answer = { status: 200, body: 'a: 2' }
  await vi.waitFor(() => expect(told).toMatchObject([{ content: 'a: 2' }]), { timeout: 5_000 })
})
