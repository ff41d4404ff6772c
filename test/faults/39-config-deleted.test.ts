import { expect, test, vi } from 'vitest'
import { form, startOutage } from '../support/registry.js'
import { alerts } from '../support/member.js'

test.each([
  ['keep', 1, true],
  ['clear', undefined, false],
])('fault 39: config deleted while running: an event, and the policy %s', async (policy, value, kept) => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  await outage.publish('b.yml', 'b: 1')
  const settings = {
    'config.import': 'optional:nacos:a.yml,optional:nacos:b.yml',
    'cloud.nacos.config.on-delete': policy,
  }
  const sidecar = outage.sidecar(settings)
  const deleted = vi.fn()
  const heard = vi.fn()
  sidecar.on('configDeleted', deleted)
  await sidecar.ready
  sidecar.config.on('a', heard)

  await form(outage.up(), 'DELETE', '/v1/cs/configs', { dataId: 'a.yml', group: 'DEFAULT_GROUP' })
  await vi.waitFor(() => expect(deleted).toHaveBeenCalledTimes(1))
  expect(deleted).toHaveBeenCalledWith({ dataId: 'a.yml', group: 'DEFAULT_GROUP', kept })
  expect([sidecar.config.get('a'), sidecar.config.get('b')]).toEqual([value, 1])
  expect(heard.mock.calls).toEqual(kept ? [] : [[{ key: 'a', value: undefined, previous: 1, keys: ['a'] }]])
  expect(alerts(sidecar)).toEqual([
    expect.stringMatching(/config a\.yml was deleted in Nacos; its values are (kept|removed)/),
  ])

  await outage.publish('a.yml', 'a: 2')
  await vi.waitFor(() => expect(sidecar.config.get('a')).toBe(2))
  await form(outage.up(), 'DELETE', '/v1/cs/configs', { dataId: 'a.yml', group: 'DEFAULT_GROUP' })
  await vi.waitFor(() => expect(deleted).toHaveBeenCalledTimes(2))
  await sidecar.stop({ drain: false })

  // Whatever the policy: what the registry said is gone does not come back from the disk.
  await outage.down()
  const next = outage.sidecar(settings)
  await next.ready
  expect([next.config.get('a'), next.config.get('b')]).toEqual([undefined, 1])
})
