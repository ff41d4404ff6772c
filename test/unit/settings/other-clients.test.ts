import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../../src/settings/load.js'
import { connectionsOf } from '../../../src/settings/connection.js'
import { tempFolder } from '../../support/temp-folder.js'

const demo = (name: string) => fileURLToPath(new URL(`../../fixtures/nacos-serving-python/${name}`, import.meta.url))
const load = (cwd: string, env: NodeJS.ProcessEnv = {}) => {
  const { settings, warnings } = loadSettings({ cwd, env, argv: [], main: `${cwd}/app.js` })
  return { ...settings, warnings, nacos: settings.cloud.nacos }
}

describe('nacos-serving-python', () => {
  test.each([
    ['flask', 5001, { version: '1.0.0', env: 'mock', region: 'local' }],
    ['fastapi', undefined, { version: '1.0.0', env: 'mock', region: 'local' }],
    ['django', 8001, { version: '1.0.0', env: 'mock', region: 'local', framework: 'Django' }],
  ])('the nacos.yaml of its demo for %s is read unchanged, without a warning', (framework, port, metadata) => {
    const { nacos, sidecar, logging, warnings } = load(demo(framework))
    expect(warnings).toEqual([])
    expect(nacos.discovery).toMatchObject({
      ...{ service: `nacos-${framework}-service`, ip: '127.0.0.1', group: 'DEFAULT_GROUP', clusterName: 'default' },
      ...{ weight: 1, metadata, registerEnabled: true, heartBeatInterval: 3_000 },
    })
    expect(nacos.discovery.port).toBe(port)
    expect(nacos).toMatchObject({ serverAddr: '127.0.0.1:8848', beatTimeout: 3_000 })
    expect(connectionsOf(nacos).discovery.namespace).toBe('')
    expect(sidecar).toMatchObject({
      ...{ registerOn: 'listen', registerRetries: 0, registerRetryInterval: 1_000 },
      ...{ drain: 'auto', leaveTimeout: 5_000, deregisterOnExit: true, emptyProtection: 30_000 },
    })
    expect(logging.level).toEqual({ 'nacos-sidecar': 'info' })
  })
})

describe('variables of Alibaba Cloud', () => {
  const FILES = { 'bootstrap.yml': 'application.name: a\ncloud.nacos: { namespace: file, discovery.namespace: own }' }
  const connections = (env: NodeJS.ProcessEnv) => connectionsOf(load(tempFolder(FILES), env).nacos)

  test('ALIBABA_ALIWARE_NAMESPACE is stronger than files, as in the Java client, and weaker than other variables', () => {
    const env = { ALIBABA_ALIWARE_NAMESPACE: 'cloud' }
    expect(connections({}).discovery.namespace).toBe('own')
    expect([connections(env).discovery.namespace, connections(env).config.namespace]).toEqual(['cloud', 'cloud'])
    expect(connections({ ...env, NACOS_NAMESPACE: 'short' }).discovery.namespace).toBe('short')
    expect(connections({ ...env, SPRING_CLOUD_NACOS_DISCOVERY_NAMESPACE: 'long' }).discovery.namespace).toBe('long')
  })

  test('ALIBABA_ALIWARE_ENDPOINT_URL and …_PORT name the address server', () => {
    const serverOf = (env: NodeJS.ProcessEnv) => connections(env).config.addressServer
    const URL = 'ALIBABA_ALIWARE_ENDPOINT_URL'
    expect(serverOf({})).toBeUndefined()
    expect(serverOf({ [URL]: 'acm.test' })).toMatch(/^http:\/\/acm\.test:8080\/nacos\/serverlist/)
    const ALIBABA_ALIWARE_ENDPOINT_PORT = '9090'
    expect(serverOf({ [URL]: 'acm.test', ALIBABA_ALIWARE_ENDPOINT_PORT })).toMatch(/^http:\/\/acm\.test:9090\//)
    expect(serverOf({ [URL]: 'acm.test:81', ALIBABA_ALIWARE_ENDPOINT_PORT })).toMatch(/^http:\/\/acm\.test:81\//)
    expect(serverOf({ ALIBABA_ALIWARE_ENDPOINT_PORT })).toBeUndefined()
  })

  test('ALIBABA_ACCESS_KEY counts together with ALIBABA_SECRET_KEY only', () => {
    const ALIBABA_ACCESS_KEY = 'ak'
    expect(connections({ ALIBABA_ACCESS_KEY }).discovery.accessKey).toBeUndefined()
    const { accessKey, secretKey } = connections({ ALIBABA_ACCESS_KEY, ALIBABA_SECRET_KEY: 'sk' }).config
    expect([accessKey, secretKey]).toEqual(['ak', 'sk'])
  })
})
