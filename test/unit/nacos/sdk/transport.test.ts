import { NacosNamingClient } from 'nacos'
import { fromNacosSdk, SidecarError } from 'nacos-sidecar'
import { expect, onTestFinished, test, vi } from 'vitest'
import { collectLog } from '../../../support/collect.js'
import { devRegistry, form } from '../../../support/registry.js'
import { anInstance, ORDERS } from '../../../support/transport.js'
import { startScriptedRegistry } from '../../../support/scripted-registry.js'
import { openSdk } from '../../../support/nacos-sdk.js'

const KEY = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'application.yml' }
const silent = { ...console, debug() {}, info() {}, log() {}, warn() {}, error() {} }

test('says what it is', async () => {
  const registry = await devRegistry()
  const { transport } = openSdk(registry.address)
  expect(transport.describe()).toMatchObject({ server: registry.address, protocol: 'nacos-sdk', connected: false })
  await transport.list(ORDERS)
  expect(transport.describe()).toMatchObject({ servers: [registry.address], connected: true })
  // The SDK beats and the core polls.
  expect(transport.beat).toBeUndefined()
  expect(transport.watchService).toBeUndefined()
})

test('another namespace than the client has is an error, never an empty list', async () => {
  const registry = await devRegistry()
  const { transport } = openSdk(registry.address)
  const unsupported = {
    code: 'SIDECAR_REGISTRY_UNSUPPORTED',
    message: expect.stringMatching(/public, and dev was asked/),
  }
  await expect(transport.list({ ...ORDERS, namespace: 'dev' })).rejects.toMatchObject(unsupported)
  await expect(transport.register(anInstance({ namespace: 'dev' }))).rejects.toMatchObject(unsupported)
  await expect(transport.getConfig({ ...KEY, namespace: 'dev' })).rejects.toMatchObject(unsupported)
  expect(() => transport.watchConfig({ ...KEY, namespace: 'dev' }, '', () => {})).toThrow(SidecarError)
})

test('a config client with the tenant public is refused: Nacos 2 would store where no read finds it', async () => {
  const { naming, config } = openSdk('127.0.0.1:1')
  Object.assign(config.options, { namespace: 'public' })
  expect(() => fromNacosSdk({ naming, config })).toThrow(/namespace/)
})

test('a client of something else is refused', () => {
  const stranger = { ready: async () => {} } as unknown as NacosNamingClient
  expect(() => fromNacosSdk({ naming: stranger })).toThrow(
    expect.objectContaining({ code: 'SIDECAR_REGISTRY_UNSUPPORTED' }),
  )
})

test('without a config client, documents cannot be read, and that is said', async () => {
  const { naming } = openSdk('127.0.0.1:1')
  const transport = fromNacosSdk({ naming })
  expect(transport.watchConfig).toBeUndefined()
  await expect(transport.getConfig(KEY)).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_UNSUPPORTED',
    message: expect.stringContaining('no config client was given'),
  })
})

test('a request that hangs ends with the signal', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('/nacos', () => 'never')
  const { transport } = openSdk(server.address)
  const patience = new AbortController()
  const attempts = [
    transport.list(ORDERS, patience.signal),
    transport.register(anInstance(), patience.signal),
    transport.getConfig(KEY, patience.signal),
  ].map((attempt) => attempt.catch((error: unknown) => error))
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThanOrEqual(3))
  patience.abort()
  for (const error of await Promise.all(attempts)) expect(error).toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
})

test('a deregistration is sent after the registration that is still under way', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  let answer = () => {}
  const held = new Promise<void>((resolve) => (answer = resolve))
  server.on('POST /nacos/v1/ns/instance', async () => {
    await held
    return { body: 'ok' }
  })
  server.on('DELETE /nacos/v1/ns/instance', { body: 'ok' })
  const { transport } = openSdk(server.address)
  const patience = new AbortController()
  const registering = transport.register(anInstance(), patience.signal).catch(() => {})
  await vi.waitFor(() => expect(server.seen('POST')).toHaveLength(1))
  patience.abort()
  await registering
  const leaving = transport.deregister(anInstance())
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(server.seen('DELETE')).toEqual([])
  answer()
  await leaving
  expect(server.seen('DELETE')).toHaveLength(1)
})

test('no error repeats a password, though those of the SDK do', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  const canary = 'canary-5d1e'
  server.on('/nacos/v1', ({ query, form: body }) => ({
    status: 500,
    body: `you said ${query.get('password') ?? body.get('password')}`,
  }))
  const { config, transport } = openSdk(server.address, { username: 'nacos', password: canary })
  await expect(config.getConfig(KEY.dataId, KEY.group, undefined)).rejects.toThrow(canary)
  for (const attempt of [
    () => transport.getConfig(KEY),
    () => transport.publishConfig({ ...KEY, content: 'a: 1' }),
    () => transport.list(ORDERS),
    () => transport.register(anInstance()),
  ]) {
    const error = await attempt().then(
      () => expect.fail('no error'),
      (reason: unknown) => reason as Error,
    )
    expect(error).toBeInstanceOf(SidecarError)
    for (let one: unknown = error; one instanceof Error; one = one.cause) {
      expect(`${one.stack} ${JSON.stringify(one)}`).not.toContain(canary)
    }
  }
})

test.for([
  [403, 'SIDECAR_REGISTRY_REFUSED'],
  [400, 'SIDECAR_REGISTRY_REFUSED'],
  [500, 'SIDECAR_REGISTRY_UNAVAILABLE'],
  [503, 'SIDECAR_REGISTRY_UNAVAILABLE'],
] as const)('a document that is answered with %i is %s', async ([status, code]) => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('/v1/cs/configs', { status, body: 'the reason' })
  const { transport } = openSdk(server.address)
  await expect(transport.getConfig(KEY)).rejects.toMatchObject({ code, message: expect.stringContaining('the reason') })
})

test('a watcher that throws is logged and harms no other', async () => {
  const registry = await devRegistry()
  const logger = collectLog()
  const { transport } = openSdk(registry.address, { logger })
  const heard: unknown[] = []
  transport.watchConfig(KEY, '', () => {
    throw new Error('mine')
  })
  transport.watchConfig(KEY, '', (item) => heard.push(item?.content))
  await form(registry, 'POST', '/v1/cs/configs', { dataId: KEY.dataId, group: KEY.group, content: 'a: 1' })
  await vi.waitFor(
    () => {
      expect(heard).toEqual(['a: 1'])
      expect(logger.lines).toEqual([expect.stringContaining('threw: mine')])
    },
    { timeout: 5_000 },
  )
})

test('close takes away what is still registered, ends watches, and leaves the clients alone', async () => {
  const registry = await devRegistry()
  const { naming, config, transport } = openSdk(registry.address)
  const other = openSdk(registry.address).transport
  await transport.register(anInstance())
  await vi.waitFor(async () => expect(await other.list(ORDERS)).toHaveLength(1))
  transport.watchConfig(KEY, '', () => expect.fail('closed'))
  await transport.close()
  await transport.close()
  expect(await other.list(ORDERS)).toEqual([])
  await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
  await expect(transport.getConfig(KEY)).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
  expect(() => transport.watchConfig(KEY, '', () => {})).toThrow(expect.objectContaining({ code: 'SIDECAR_STOPPED' }))

  expect(await config.publishSingle(KEY.dataId, KEY.group, 'a: 1', undefined)).toBe(true)
  await vi.waitFor(async () => expect(await config.getConfig(KEY.dataId, KEY.group, undefined)).toBe('a: 1'))
  expect(await naming.getServerStatus()).toBe('UP')
})

test('close with own closes the clients; a long poll that fails then is no uncaught exception, and the last', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  server.on('GET /nacos/v1/cs/configs', { body: 'a: 1' })
  let fail = () => {}
  const failed = new Promise<'reset'>((resolve) => (fail = () => resolve('reset')))
  server.on('POST /nacos/v1/cs/configs/listener', () => failed)
  const { naming, config, transport } = openSdk(server.address, { own: true })
  transport.watchConfig(KEY, '', () => {})
  await vi.waitFor(() => expect(server.seen('listener')).toHaveLength(1))
  let namingClosed = () => {}
  const namingClose = new Promise<void>((resolve) => (namingClosed = resolve))
  const closings = [vi.spyOn(naming as never, 'close'), vi.spyOn(config, 'close')]
  closings[0]!.mockReturnValueOnce(namingClose as never)
  const closed = transport.close()
  await vi.waitFor(() => closings.forEach((closing) => expect(closing).toHaveBeenCalledOnce()))
  fail() // vitest fails the run on an uncaught exception
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(server.seen('listener')).toHaveLength(1)
  namingClosed()
  await closed
})

test('a client that is not ready yet is waited for', async () => {
  const registry = await devRegistry()
  const naming = new NacosNamingClient({ logger: silent, serverList: [registry.address] })
  const transport = fromNacosSdk({ naming, own: true })
  onTestFinished(() => transport.close())
  await transport.register(anInstance())
  await vi.waitFor(async () => expect(await transport.list(ORDERS)).toHaveLength(1))
})
