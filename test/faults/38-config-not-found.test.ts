import { createHash } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { createHttpTransport } from '../../src/nacos/http/transport.js'
import { createRemoteConfig } from '../../src/properties/remote.js'
import { connectionOf } from '../../src/settings/connection.js'
import { loadBootstrap } from '../support/bootstrap.js'
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
  const remote = createRemoteConfig({ transport, settings, store, logger, emit: () => {} })
  onTestFinished(() => remote.close())
  return { remote, store, registry, lines }
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
  expect(lines).toContainEqual(expect.stringContaining('config missing.yml could not be pulled'))
})
