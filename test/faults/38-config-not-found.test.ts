import { createHash } from 'node:crypto'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createHttpTransport } from '../../src/nacos/http/transport.js'
import { createRemoteConfig } from '../../src/config/remote.js'
import { connectionOf } from '../../src/settings/connection.js'
import { loadBootstrap } from '../support/bootstrap.js'
import { form, startOutage } from '../support/registry.js'
import { alerts } from '../support/member.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const DOCUMENTS: Record<string, string> = { 'present.yml': 'from: nacos' }

/** Nacos's v1 answers to a config request, over a real socket. */
async function remoteOf(yaml: string) {
  const registry = await startScriptedRegistry()
  onTestFinished(() => registry.close())
  registry.on('GET /nacos/v1/cs/configs', ({ query }) => {
    const content = DOCUMENTS[query.get('dataId') ?? '']
    if (content === undefined) return { status: 404, body: 'config data not exist' }
    return { headers: { 'content-md5': createHash('md5').update(content).digest('hex') }, body: content }
  })
  const { settings, store } = loadBootstrap(
    `${yaml}\ncloud.nacos: { server-addr: "${registry.address}", api-version: v1, config: { timeout: 10s } }\n`,
  )
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  const logger = { debug: () => {}, info: () => {}, warn: log, error: log }
  const transport = createHttpTransport({ ...connectionOf(settings.cloud.nacos, 'config'), logger })
  onTestFinished(() => transport.close())
  const remote = createRemoteConfig({ transport, namespace: '', settings, store, logger, emit: () => {} })
  onTestFinished(() => remote.close())
  return { remote, store, registry, lines }
}

/** A registry with `a.yml`, and the snapshot that a first run has left of it. */
async function outageAfterRun(settings: Record<string, unknown>) {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  const first = outage.sidecar(settings)
  await first.ready
  await first.stop({ drain: false })
  return outage
}

test('fault 38: config not found: an error if it is required', async () => {
  const { remote, store } = await remoteOf('spring.config.import: ["nacos:present.yml", "nacos:missing.yml"]')
  await expect(remote.load()).rejects.toMatchObject({
    code: 'SIDECAR_CONFIG_NOT_FOUND',
    message: expect.stringContaining('config missing.yml is not in Nacos'),
  })
  expect(store.get('from')).toBeUndefined()
})

test('fault 38: config not found: empty if it is optional', async () => {
  const { remote, store, lines } = await remoteOf(
    'spring.config.import: ["nacos:present.yml", "optional:nacos:missing.yml"]',
  )
  await remote.load()
  expect(store.get('from', 'remote')).toBe('nacos')
  expect(remote.documents().map(({ dataId, state }) => `${dataId} ${state}`)).toEqual([
    'present.yml loaded',
    'missing.yml absent',
  ])
  expect(lines).toEqual([])
})

test('fault 38: an answer of 500 is not "not found"', async () => {
  const { remote, registry, lines } = await remoteOf('spring.config.import: ["nacos:missing.yml"]')
  registry.on('GET /nacos/v1/cs/configs', { status: 500, body: 'caused: no leader' })
  await remote.load()
  expect(remote.documents()[0]).toMatchObject({ state: 'failed' })
  expect(lines).toContainEqual(expect.stringContaining('config missing.yml could not be loaded'))
})

test('fault 38: config not found: never a stale snapshot, at the start or when the registry is back', async () => {
  const settings = { 'config.import': 'optional:nacos:a.yml' }
  const outage = await outageAfterRun(settings)
  await outage.down()

  // The registry cannot be asked: what it last said is the best there is.
  const second = outage.sidecar(settings)
  await second.ready
  expect(second.config.get('a')).toBe(1)
  expect(alerts(second)).toContainEqual(
    expect.stringMatching(/a\.yml could not be loaded: .*Its snapshot of 20.* is in use/),
  )
  const heard = vi.fn()
  second.config.on('a', heard)

  // It is back and says that there is no such document: that counts, whatever on-delete says of a deletion.
  await outage.back()
  await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 20_000 })
  expect(heard.mock.calls[0]).toEqual([{ key: 'a', value: undefined, previous: 1, keys: ['a'] }])
  await second.stop({ drain: false })

  // And it is forgotten on disk too.
  await outage.down()
  const third = outage.sidecar(settings)
  await third.ready
  expect(third.config.get('a')).toBeUndefined()
})

test('fault 38: config not found: an error if it is required, with a snapshot of it on disk', async () => {
  const settings = { 'config.import': 'nacos:a.yml' }
  const outage = await outageAfterRun(settings)
  await form(outage.up(), 'DELETE', '/v1/cs/configs', { dataId: 'a.yml', group: 'DEFAULT_GROUP' })
  const second = outage.sidecar(settings)
  await expect(second.ready).rejects.toMatchObject({ code: 'SIDECAR_CONFIG_NOT_FOUND' })
  process.exitCode = undefined // a start that failed has set it
  expect(second.config.get('a')).toBeUndefined()
})

test('fault 38: a registry that refuses is not down: no snapshot replaces its answer', async () => {
  const settings = { 'config.import': 'nacos:a.yml' }
  const outage = await outageAfterRun(settings)
  const { port } = outage.up()
  await outage.down()
  const closed = await startDevServer({ port, auth: { username: 'nacos', password: 'secret' } })
  onTestFinished(() => closed.stop())
  const second = outage.sidecar(settings)
  await second.ready
  expect(second.config.get('a')).toBeUndefined()
  expect(alerts(second)).toContainEqual(expect.stringMatching(/could not be loaded.*It is left out/))
})

test('fault 38: a snapshot counts as one until the registry has confirmed it', async () => {
  const settings = { 'config.import': 'optional:nacos:a.yml,optional:nacos:never.yml' }
  const outage = await outageAfterRun(settings)
  await outage.down()
  const second = outage.sidecar(settings)
  const changed = vi.fn()
  second.on('configChanged', changed)
  await second.ready
  const states = () => second.status().configs.map(({ dataId, state }) => `${dataId} ${state}`)
  expect(states()).toEqual(['a.yml snapshot', 'never.yml failed'])
  await outage.back()
  await outage.publish('a.yml', 'a: 1')
  await vi.waitFor(() => expect(states()).toEqual(['a.yml loaded', 'never.yml absent']), { timeout: 20_000 })
  expect(second.config.get('a')).toBe(1)
  expect(changed.mock.calls.every(([{ keys }]) => keys.join() === 'a')).toBe(true)
})
