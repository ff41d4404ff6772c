import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { createSidecar, defineClient, GET } from 'nacos-sidecar'
import { expect, onTestFinished, test, vi } from 'vitest'
import { collectLog } from '../support/collect.js'
import { devRegistry, form } from '../support/registry.js'
import { createMemoryTransport } from '../support/memory-transport.js'
import { quietSidecar } from '../support/member.js'
import { instance } from '../support/mesh.js'

function start(settings: object = {}) {
  const transport = createMemoryTransport()
  const common = { 'cloud.nacos.discovery.register-enabled': false, 'sidecar.snapshot-dir': 'off', ...settings }
  const sidecar = createSidecar({
    configPath: false,
    signals: false,
    logger: collectLog(),
    transport,
    settings: common,
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return { sidecar, transport }
}

test('stop closes the way to the registry even where a call gets no answer', async () => {
  const mute = createServer((socket) => socket.on('error', () => {}))
  await once(mute.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`
  const { sidecar, transport } = start()
  const close = vi.spyOn(transport, 'close')
  const end = new AbortController()
  const client = sidecar.client(
    defineClient({ url }, { hang: GET('/').as<(p: { signal: AbortSignal }) => Promise<unknown>>() }),
  )
  const hanging = client.hang({ signal: end.signal }).catch((error: { code: string }) => error.code)
  await once(mute, 'connection')
  await sidecar.stop()
  expect(close).toHaveBeenCalled()
  end.abort()
  expect(await hanging).toBe('SIDECAR_CALL_ABORTED')
  mute.close()
})

test('status names a document once, however many parts it has', async () => {
  const registry = await devRegistry()
  await form(registry, 'POST', '/v1/cs/configs', {
    dataId: 'a.yml',
    group: 'DEFAULT_GROUP',
    content: 'a: 1\n---\nb: 2',
  })
  const sidecar = quietSidecar(`127.0.0.1:${registry.port}`, { 'cloud.nacos.config.shared-configs': ['a.yml'] })
  await sidecar.ready
  expect(sidecar.config.get('b')).toBe(2)
  expect(sidecar.status().documents).toEqual(['a.yml'])
})

test('a pick is reported once: a second done() does not count for another call', async () => {
  const { sidecar, transport } = start({ 'sidecar.balancer': 'least-pending' })
  for (const port of [1001, 1002]) await transport.register(instance('orders', port))
  const first = await sidecar.discovery.pick('orders')
  for (let i = 0; i < 5; i++) first.done('ok')
  let again = 0
  for (let i = 0; i < 400; i++) {
    const { instance, done } = await sidecar.discovery.pick('orders')
    if (instance.port === first.instance.port) again++
    done('ok')
  }
  // Half of them; three in four if it seemed to have fewer calls than none.
  expect(again).toBeLessThan(260)
})

test.each<[string, object]>([
  ['with an empty name', { 'application.name': '' }],
  [
    'with a lease no registry takes',
    { 'application.name': 'a', discovery: { heartBeatInterval: 5_000, heartBeatTimeout: 1_000 } },
  ],
  ['at an address nothing can call', { 'application.name': 'a', discovery: { ip: 'http://10.0.0.1' } }],
])(
  'a service that could never be registered %s fails at its start',
  (_, { discovery = {}, ...settings }: { discovery?: object }) => {
    const wanted = { ...settings, cloud: { nacos: { discovery: { registerEnabled: true, ...discovery } } } }
    const registering = () => start({ 'cloud.nacos.discovery.register-enabled': undefined, ...wanted })
    expect(registering).toThrow(expect.objectContaining({ code: 'SIDECAR_SETTINGS_INVALID' }))
  },
)

test.each([
  'cloud.nacos.discovery.enabled',
  'cloud.nacos.discovery.register-enabled',
  'spring.cloud.discovery.enabled',
  'spring.cloud.service-registry.auto-registration.enabled',
])('J8: %s: false registers nothing', async (key) => {
  const settings = { 'cloud.nacos.discovery.register-enabled': true, 'application.name': 'orders', [key]: false }
  const { sidecar, transport } = start(settings)
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  sidecar.listening(server)
  await sidecar.ready
  expect(sidecar.status()).toMatchObject({ registered: false, instance: undefined })
  expect(transport.requests).toEqual([])
})

test.each(['enabled', 'register-enabled'])('discovery.%s: false needs no name', (key) => {
  const settings = { 'cloud.nacos.discovery.register-enabled': true, [`cloud.nacos.discovery.${key}`]: false }
  expect(start(settings).sidecar.status().instance).toBeUndefined()
})
