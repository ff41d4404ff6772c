import { expect, test } from 'vitest'
import { createInstance, leaseOf, serviceNameOf } from '../../../src/registration/instance.js'
import { settingsSchema } from '../../../src/settings/schema.js'

const settingsOf = (discovery: object, name: string | undefined = 'orders') =>
  settingsSchema.parse({ application: { name }, cloud: { nacos: { discovery } } })
const at = { namespace: '', ip: '10.0.0.5', port: 9202 }

test('an instance as the settings describe it', () => {
  const settings = settingsOf({
    weight: 3,
    clusterName: 'HZ',
    group: 'SHOP',
    instanceEnabled: false,
    metadata: { version: 2, 城市: '杭州' },
  })
  expect(createInstance({ ...at, settings })).toEqual({
    ...at,
    service: 'orders',
    group: 'SHOP',
    cluster: 'HZ',
    weight: 3,
    healthy: true,
    enabled: false,
    ephemeral: true,
    metadata: {
      version: '2',
      城市: '杭州',
      'preserved.register.source': 'NODE',
      'preserved.heart.beat.interval': '10000',
      'preserved.heart.beat.timeout': '30000',
      'preserved.ip.delete.timeout': '90000',
    },
  })
})

test('settings go before what was found, and callers learn of TLS', () => {
  const mapped = createInstance({ ...at, settings: settingsOf({ port: 80, service: 'shop' }), secure: true })
  expect(mapped).toMatchObject({ port: 80, service: 'shop', metadata: { secure: 'true' } })
  expect(createInstance({ ...at, settings: settingsOf({ secure: true }) }).metadata['secure']).toBe('true')
})

test('a persistent instance has no lease', () => {
  const { ephemeral, metadata } = createInstance({ ...at, settings: settingsOf({ ephemeral: false }) })
  expect(ephemeral).toBe(false)
  expect(Object.keys(metadata)).toEqual(['preserved.register.source'])
})

test('a lease in the metadata, as Java services write it, is the lease', () => {
  const settings = settingsOf({
    metadata: { 'preserved.heart.beat.interval': '1000', 'preserved.heart.beat.timeout': '3000' },
  })
  expect(leaseOf(settings.cloud.nacos.discovery)).toEqual({ intervalMs: 1000, timeoutMs: 3000, deleteAfterMs: 90_000 })
  expect(createInstance({ ...at, settings }).metadata).toMatchObject({ 'preserved.heart.beat.interval': '1000' })
})

test('R6: metadata that changed after the settings were bound is the stronger, and the rest adapts to it', () => {
  const { discovery } = settingsOf({}).cloud.nacos
  const later = { ...discovery, metadata: { 'preserved.ip.delete.timeout': '6000' } }
  expect(leaseOf(later)).toEqual({ intervalMs: 2_000, timeoutMs: 6_000, deleteAfterMs: 6_000 })
  expect(() => leaseOf({ ...later, heartBeatInterval: 7_000 })).toThrow(
    /ip\.delete\.timeout \(6000 ms\) must not be below heart-beat-interval \(7000 ms\)/,
  )
})

test('a service needs a name', () => {
  const nameless = settingsSchema.parse({})
  expect(() => serviceNameOf(nameless)).toThrow(expect.objectContaining({ code: 'SIDECAR_SETTINGS_INVALID' }))
  expect(() => serviceNameOf(nameless)).toThrow(/application\.name is missing.*register-enabled: false/)
})

test.each(['a b', 'g@@s', '@s', '订单', '../x', 'a?b', 'a#b', 'a\\b', 'x'.repeat(513)])(
  '%j is no service name',
  (name) => {
    expect(() => serviceNameOf(settingsOf({}, name))).toThrow(/is not a service name/)
  },
)

test('metadata named __proto__ is inert', () => {
  const metadata = JSON.parse('{"__proto__":"x","a":"1"}') as object
  const instance = createInstance({ ...at, settings: settingsOf({ metadata }) })
  expect(Object.getPrototypeOf(instance.metadata)).toBe(Object.prototype)
  expect(instance.metadata['a']).toBe('1')
})
