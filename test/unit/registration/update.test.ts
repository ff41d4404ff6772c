import { once } from 'node:events'
import express from 'express'
import { createSidecar } from 'nacos-sidecar'
import { expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { join, observer } from '../../support/member.js'
import { testRegistry } from '../../support/registry.js'

async function registered(settings: object = {}) {
  const registry = await testRegistry()
  const own = { 'application.name': 'orders', 'cloud.nacos.discovery.metadata': { zone: 'a', old: 'x' }, ...settings }
  const { sidecar } = await join(express(), registry.settings(own))
  const caller = await observer(registry.settings({ 'application.name': 'caller' }))
  const listed = async () => (await caller.nacos.list({ namespace: '', group: 'DEFAULT_GROUP', service: 'orders' }))[0]
  return { registry, sidecar, caller, listed }
}

test('weight and metadata change in the registry, and at the callers', async () => {
  const { sidecar, caller, listed } = await registered()
  await caller.discovery.instances('orders')
  await sidecar.update({ weight: 5, metadata: { version: '2', old: null } })
  expect(await listed()).toMatchObject({ weight: 5, enabled: true, metadata: { zone: 'a', version: '2' } })
  expect((await listed())!.metadata).not.toHaveProperty('old')
  expect(sidecar.status().instance).toMatchObject({ weight: 5, metadata: { version: '2' } })
  await expect.poll(async () => (await caller.discovery.instances('orders'))[0]?.weight, { timeout: 5_000 }).toBe(5)
})

test('an instance that an operator has switched off stays off, unless the change says otherwise', async () => {
  const { sidecar, listed } = await registered()
  const { instance } = sidecar.status()
  await sidecar.nacos.register({ ...instance!, enabled: false })
  await expect(sidecar.update({ weight: 2 })).rejects.toMatchObject({ code: 'SIDECAR_NO_INSTANCE' })
  expect(await listed()).toBeUndefined()
  await sidecar.update({ enabled: true })
  expect(await listed()).toMatchObject({ weight: 2, enabled: true })
})

test('before the registration, a change goes with it', async () => {
  const registry = await testRegistry()
  const app = express()
  const settings = registry.settings({ 'application.name': 'early', 'sidecar.register-on': 'manual' })
  const sidecar = createSidecar({ app, configPath: false, signals: false, settings, logger: collectLog() })
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(() => sidecar.stop({ drain: false }))
  await sidecar.ready
  await sidecar.update({ weight: 7 })
  const registered = once(sidecar, 'registered')
  sidecar.register()
  await registered
  expect(await sidecar.discovery.instances('early')).toMatchObject([{ weight: 7 }])
  server.close()
})

test.each<[string, object]>([
  ['weight', { weight: -1 }],
  ['weight', { weight: '5' }],
  ['enabled', { enabled: 'yes' }],
  ['metadata', { metadata: 'x' }],
  ['metadata.n', { metadata: { n: 1 } }],
  ['metadata.preserved.heart.beat.interval', { metadata: { 'preserved.heart.beat.interval': '1' } }],
])('a wrong %s is refused', async (name, change) => {
  const registry = await testRegistry()
  const sidecar = await observer(registry.settings({ 'application.name': 'strict' }))
  await expect(sidecar.update(change)).rejects.toMatchObject({
    code: 'SIDECAR_SETTINGS_INVALID',
    message: expect.stringContaining(`sidecar.update(): ${name}: `),
  })
})
