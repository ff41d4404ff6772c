import { once } from 'node:events'
import type { StatsPeriod } from 'nacos-sidecar'
import { describe, expect, test, vi } from 'vitest'
import { observer } from '../../support/member.js'
import { testRegistry } from '../../support/registry.js'

/** A sidecar beside an embedded registry. */
async function setUp(settings: object = {}, options: Parameters<typeof observer>[1] = {}) {
  const registry = await testRegistry()
  const own = registry.settings({ application: { name: 'portal' } })
  const sidecar = await observer({ ...own, ...settings }, options)
  const publish = async (content: string) => {
    registry.configs.publish({ dataId: 'portal.yml', content })
    await once(sidecar, 'configChanged')
  }
  const operation = (name: string) => sidecar.stats().operations.find((one) => one.name === name)
  return { registry, sidecar, publish, operation }
}

describe('the registry', () => {
  test('a look-up is `resolve <service>`, once for all that wait for it; one that finds none is a failure', async () => {
    const { registry, sidecar, operation } = await setUp()
    await registry.stub('user-service', (_request, response) => response.end())
    await Promise.all([1, 2, 3].map(() => sidecar.discovery.instances('user-service')))
    await sidecar.discovery.instances('user-service')
    await sidecar.discovery.instances('no-service').catch(() => {})
    expect(operation('resolve user-service')).toMatchObject({ kind: 'resolve', count: 1, errors: 0 })
    expect(operation('resolve no-service')).toMatchObject({
      ...{ count: 1, errors: 1, errorSamples: [{ code: 'SIDECAR_NO_INSTANCE' }] },
    })
  })

  test('documents are pulled, published and deleted; a data id that the app makes up is no name', async () => {
    const { sidecar, operation } = await setUp()
    for (const n of [1, 2, 3]) await sidecar.config.publish({ dataId: `made-up-${n}.yml`, content: 'a: 1' })
    await sidecar.config.delete({ dataId: 'made-up-1.yml' })
    expect(operation('pull portal.yml')).toMatchObject({ kind: 'config', count: 1, errors: 0 })
    expect(operation('publish')).toMatchObject({ kind: 'config', count: 3, errors: 0 })
    expect(operation('delete')).toMatchObject({ count: 1 })
  })

  test('a failure has the code of its error, and no message', async () => {
    const { registry, sidecar, operation } = await setUp()
    await registry.stop()
    await expect(sidecar.config.publish({ dataId: 'a.yml', content: 'secret: canary' })).rejects.toThrow()
    const failed = operation('publish')!
    expect(failed).toMatchObject({ count: 1, errors: 1 })
    expect(failed.errorSamples[0]!.code).toMatch(/^SIDECAR_REGISTRY_/)
    expect(JSON.stringify(sidecar.stats())).not.toContain('canary')
  })
})

describe('the settings, live from Nacos', () => {
  test('switch figures off and on, and set the samples, without a restart', async () => {
    const { sidecar, publish, operation } = await setUp()
    const act = () => sidecar.config.publish({ dataId: 'x.yml', content: 'a: 1' })
    await publish('sidecar.observe.enabled: false')
    const before = operation('publish')?.count ?? 0
    await act()
    expect(operation('publish')?.count ?? 0).toBe(before)
    await publish('sidecar.observe: { enabled: true, max-samples: 3 }')
    for (let n = 0; n < 5; n++) await act()
    expect(operation('publish')).toMatchObject({ count: before + 5, samples: [{}, {}, {}] })
    await publish("sidecar.observe: { excludes: 'pub*' }")
    await act()
    expect(operation('publish')).toBeUndefined()
  })

  test('another period applies to the one that goes on', async () => {
    const { sidecar, publish } = await setUp()
    const heard = once(sidecar, 'period')
    await publish('sidecar.observe.period: 50')
    const [period] = (await heard) as [StatsPeriod]
    expect(period.operations.map(({ name }) => name)).toContain('pull portal.yml')
    expect(period.from.getTime()).toBeLessThan(period.to.getTime())
  })

  test('a value that is refused leaves the one before, with one alert', async () => {
    const { sidecar, registry, operation } = await setUp()
    const rejected = once(sidecar, 'configRejected')
    registry.configs.publish({ dataId: 'portal.yml', content: 'sidecar.observe: { max-names: 1, enabled: false }' })
    const [{ source, error }] = (await rejected) as [{ source: string; error: Error }]
    expect(source).toBe('sidecar.observe')
    expect(error.message).toContain('max-names: ')
    await sidecar.config.publish({ dataId: 'x.yml', content: 'a: 1' })
    expect(operation('publish')).toMatchObject({ count: 1 })
  })

  test('what code says is stronger than Nacos', async () => {
    const { sidecar, publish, operation } = await setUp({ 'sidecar.observe.enabled': true })
    await publish('sidecar.observe.enabled: false\na: 1')
    await sidecar.config.publish({ dataId: 'x.yml', content: 'a: 1' })
    expect(operation('publish')).toMatchObject({ count: 1 })
  })
})

test('the last period is emitted and reported while leaving, when clients still work; nothing is counted twice', async () => {
  const seen: StatsPeriod[] = []
  const report = vi.fn(async () => {
    const response = await sidecar.fetch('http://user-service/')
    expect(response.status).toBe(200)
  })
  const close = vi.fn()
  const { registry, sidecar } = await setUp({}, { statsReporter: { report, close } })
  await registry.stub('user-service', (_request, response) => response.end())
  await sidecar.fetch('http://user-service/') // loads undici
  sidecar.on('period', (period) => void seen.push(period))
  await sidecar.config.publish({ dataId: 'x.yml', content: 'a: 1' })
  await sidecar.stop({ drain: false })
  expect(seen).toHaveLength(1)
  expect(seen[0]!.operations.find(({ name }) => name === 'publish')).toMatchObject({ count: 1 })
  expect(report).toHaveBeenCalledExactlyOnceWith(seen[0], { signal: expect.any(AbortSignal) as AbortSignal })
  await expect(report.mock.results[0]!.value).resolves.toBeUndefined()
  expect(close).toHaveBeenCalledOnce()
})
