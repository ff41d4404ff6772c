import { expect, test } from 'vitest'
import { callStyles, typedCall } from '../support/call-styles.js'
import { duration } from '../support/scale.js'
import { instance, json, startMesh, startProvider } from '../support/mesh.js'

const EJECTION = { time: duration(5_000, 400), maxTime: duration(30_000, 800) }

async function failing(count: number, ejection: object) {
  const mesh = startMesh({ sidecar: { ejection: { ...EJECTION, ...ejection } } })
  const state = { well: false }
  const providers = await Promise.all(
    Array.from({ length: count }, () =>
      startProvider((_, response) => json(response, { ok: state.well }, state.well ? 200 : 500)),
    ),
  )
  mesh.registry.set('orders', ...providers.map(({ port }) => instance('orders', port)))
  const events = (name: string) => mesh.events.filter(([event]) => event === name)
  const served = () => providers.map(({ seen }) => seen.length)
  return { mesh, state, providers, events, served }
}

test.each(Object.entries(callStyles))(
  'fault 18: every provider ejected, the list is used anyway: %s',
  async (_, open) => {
    const { state, events, served } = await failing(3, { maxShare: 100 })
    const call = open('orders')
    for (let i = 0; i < 30; i++) await expect(call('GET', '/x')).rejects.toThrow(/500/)
    expect(events('ejected').length).toBeGreaterThanOrEqual(2)
    const before = served()
    for (let i = 0; i < 12; i++) await expect(call('GET', '/x')).rejects.toThrow(/500/)
    expect(served().reduce((a, b) => a + b) - before.reduce((a, b) => a + b)).toBe(12)

    state.well = true
    for (let i = 0; i < 12; i++) expect(await call('GET', '/x')).toEqual({ ok: true })
  },
)

test('fault 18: by default at most half of the list is ever out', async () => {
  const { events } = await failing(4, { time: 60_000, maxTime: 60_000 })
  const call = typedCall('orders')
  for (let i = 0; i < 100; i++) await expect(call('GET', '/x')).rejects.toThrow(/500/)
  expect(events('ejected')).toHaveLength(2)
})

test('fault 18: the healthy half leaves the registry, and the ejected rest is called', async () => {
  const mesh = startMesh({ sidecar: { pollInterval: 50, ejection: { time: 60_000, maxTime: 60_000 } } })
  const [failing, healthy] = [await startProvider((_, response) => json(response, {}, 500)), await startProvider()]
  mesh.registry.set('orders', instance('orders', failing.port), instance('orders', healthy.port))
  const call = typedCall('orders')
  for (let i = 0; i < 20; i++) await call('GET', '/x').catch(() => {})
  expect(mesh.events.filter(([event]) => event === 'ejected')).toHaveLength(1)
  const before = failing.seen.length

  mesh.registry.set('orders', instance('orders', failing.port))
  await healthy.close()
  await expect.poll(() => mesh.directory.peek('orders')!.instances.length, { interval: 10 }).toBe(1)
  await expect(call('GET', '/x')).rejects.toMatchObject({ code: 'SIDECAR_CALL_STATUS', status: 500 })
  expect(failing.seen.length).toBe(before + 1)
})
