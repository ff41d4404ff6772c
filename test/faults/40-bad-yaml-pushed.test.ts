import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { startOutage } from '../support/registry.js'
import { alerts } from '../support/member.js'

test('fault 40: bad YAML pushed while running: the old one stays, whole, with one alert', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1\nb: 1')
  const sidecar = outage.sidecar({ 'config.import': 'nacos:a.yml' })
  const rejected = vi.fn()
  const changed = vi.fn()
  sidecar.on('configRejected', rejected)
  sidecar.on('configChanged', changed)
  await sidecar.ready

  await outage.publish('a.yml', 'a: 2\nb: [')
  await vi.waitFor(() => expect(rejected).toHaveBeenCalled())
  // The same again, and other documents that change, are no news.
  await outage.publish('a.yml', 'a: 2\nb: [')
  expect([sidecar.config.get('a'), sidecar.config.get('b')]).toEqual([1, 1])

  await outage.publish('a.yml', 'a: 3\nb: 3')
  await vi.waitFor(() => expect(sidecar.config.get('a')).toBe(3))
  expect(sidecar.config.get('b')).toBe(3)
  expect(changed.mock.calls).toEqual([[{ keys: ['a', 'b'] }]])
  expect(rejected.mock.calls).toEqual([
    [{ source: 'a.yml', error: expect.objectContaining({ code: 'SIDECAR_CONFIG_INVALID' }) }],
  ])
  expect(alerts(sidecar)).toEqual([expect.stringMatching(/^error config a\.yml:2:.*The previous values stay in use/)])
})

test('fault 40: after a restart without the registry the last good one is there, not the bad one', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  const sidecar = outage.sidecar({ 'config.import': 'nacos:a.yml' })
  const rejected = vi.fn()
  sidecar.on('configRejected', rejected)
  await sidecar.ready
  await outage.publish('a.yml', 'a: [')
  await vi.waitFor(() => expect(rejected).toHaveBeenCalled())
  await sidecar.stop({ drain: false })
  await outage.down()
  const next = outage.sidecar({ 'config.import': 'nacos:a.yml' })
  await next.ready
  expect(next.config.get('a')).toBe(1)
})

test('fault 40: a value the schema refuses keeps the old view, with one alert', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'db: { pool-size: 5, password: canary-1 }')
  const sidecar = outage.sidecar({ 'config.import': 'nacos:a.yml' })
  const rejected = vi.fn()
  sidecar.on('configRejected', rejected)
  await sidecar.ready
  const db = sidecar.config.bind(z.object({ poolSize: z.number(), password: z.string() }), { prefix: 'db' })
  const before = db.current
  expect(before).toEqual({ poolSize: 5, password: 'canary-1' })

  await outage.publish('a.yml', 'db: { pool-size: many, password: canary-2 }')
  await vi.waitFor(() => expect(rejected).toHaveBeenCalled())
  await outage.publish('a.yml', 'db: { pool-size: many, password: canary-3 }\nother: 1')
  await vi.waitFor(() => expect(sidecar.config.get('other')).toBe(1))
  expect(db.current).toBe(before)
  await outage.publish('a.yml', 'db: { pool-size: 7, password: canary-4 }')
  await vi.waitFor(() => expect(db.current).toEqual({ poolSize: 7, password: 'canary-4' }))
  expect(rejected).toHaveBeenCalledTimes(1)
  expect(alerts(sidecar)).toEqual([
    expect.stringMatching(/^error db does not match the schema: poolSize: .*stays in use$/),
  ])
  expect(sidecar.lines.join()).not.toContain('canary')
})
