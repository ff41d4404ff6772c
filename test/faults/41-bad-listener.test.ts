import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { startOutage } from '../support/registry.js'

test.each<[string, () => unknown]>([
  ['throws', () => { throw new Error('mine') }], // prettier-ignore
  ['rejects', () => Promise.reject(new Error('mine'))],
  ['hangs', () => new Promise(() => {})],
])('fault 41: a listener that %s: the others are unaffected', async (how, bad) => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  await outage.register('orders', 9001)
  const sidecar = outage.sidecar({ 'config.import': 'nacos:a.yml' })
  await sidecar.ready
  const view = sidecar.config.bind(z.object({ a: z.number() }))
  const good = [vi.fn(), vi.fn(), vi.fn(), vi.fn(), vi.fn(), vi.fn()] as const
  const [onKey, onSubtree, onView, onEvent, onService, onInstances] = good
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)

  for (const listener of [bad, onKey]) sidecar.config.on('a', listener)
  for (const listener of [bad, onSubtree]) sidecar.config.on('', listener)
  for (const listener of [bad, onView]) view.on('change', listener)
  for (const listener of [bad, onEvent]) sidecar.on('configChanged', listener)
  for (const listener of [bad, onService]) sidecar.discovery.watch('orders', listener)
  for (const listener of [bad, onInstances]) sidecar.on('instancesChanged', listener)
  const calls = () => good.map((each) => each.mock.calls.length)

  await outage.publish('a.yml', 'a: 2')
  await vi.waitFor(() => expect(calls()).toEqual([1, 1, 1, 1, 1, 1]))
  await outage.publish('a.yml', 'a: 3')
  await outage.register('orders', 9002)
  await vi.waitFor(() => expect(calls()).toEqual([2, 2, 2, 2, 2, 2]))
  expect(view.current).toEqual({ a: 3 })
  expect(await sidecar.discovery.instances('orders')).toHaveLength(2)
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
  const said = sidecar.lines.filter((line) => line.startsWith('error') && line.includes('threw: mine'))
  expect(said).toHaveLength(how === 'hangs' ? 0 : 12)
})
