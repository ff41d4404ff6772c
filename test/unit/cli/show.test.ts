import { describe, expect, test } from 'vitest'
import { showDetection } from '../../../src/cli/detection.js'
import { showConfig, showInstance } from '../../../src/cli/show.js'
import { runHelp } from '../../../src/cli/run-help.js'
import { RUN_SETTINGS } from '../../../src/settings/run/run-settings.js'
import { tempFolder } from '../../support/temp-folder.js'

const FILES = {
  'package.json': '{"name":"@shop/orders"}',
  'bootstrap.yml': `spring.cloud.nacos:
  server-addr: n1:8848
  password: canary
  discovery: { ip: 10.0.0.7, weight: 2, metadata: { version: 1.10, api-token: canary } }
db: { url: "postgres://u:canary@db/x", pool: [1, 2] }
`,
}
const options = (files: Record<string, string> = FILES, env: Record<string, string> = {}) => ({
  cwd: tempFolder(files),
  env,
})

describe('config show', () => {
  test('is whole and resolved, names each origin, and masks secrets', () => {
    const env = { NACOS_NAMESPACE: 'dev', NACOS_SERVCE_IP: 'x', SIDECAR_DRAIN: '7s' }
    const text = showConfig({ ...options(FILES, env), json: false })
    expect(text).not.toContain('canary')
    const line = (key: string) => text.split('\n').find((one) => one.startsWith(`${key}:`))
    expect(line('application.name')).toMatch(/: "orders" +# package\.json$/)
    expect(line('cloud.nacos.server-addr')).toMatch(/: "n1:8848" +# bootstrap\.yml:2$/)
    expect(line('cloud.nacos.password')).toMatch(/: "\*\*\*" +# bootstrap\.yml:3$/)
    expect(line('cloud.nacos.namespace')).toMatch(/: "dev" +# environment NACOS_NAMESPACE$/)
    expect(line('cloud.nacos.discovery.metadata.version')).toMatch(/: "1\.10" +# bootstrap\.yml:4$/)
    expect(line('sidecar.drain')).toMatch(/: 7000 +# environment SIDECAR_DRAIN$/)
    expect(line('sidecar.push')).toMatch(/: "auto" +# default$/)
    expect(line('db.pool')).toMatch(/: \[1,2\] +# bootstrap\.yml:5$/)
    expect(text).toMatch(/^# environment: unknown variable NACOS_SERVCE_IP, did you mean NACOS_SERVICE_IP\?\n/)
  })

  test('--json has the same', () => {
    const shown = JSON.parse(showConfig({ ...options(), json: true })) as Record<string, Record<string, unknown>>
    expect(shown['properties']).toMatchObject({ 'cloud.nacos.discovery.weight': 2, 'sidecar.push': 'auto' })
    expect(shown['origins']).toMatchObject({ 'cloud.nacos.discovery.weight': 'bootstrap.yml:4' })
    expect(JSON.stringify(shown)).not.toContain('canary')
    expect(shown['file']).toMatch(/bootstrap\.yml$/)
  })
})

test('config show --config: another file, or folder', () => {
  const cwd = tempFolder({
    'bootstrap.yml': 'application.name: here',
    'other/bootstrap.yml': 'application.name: there',
  })
  for (const config of ['other', 'other/bootstrap.yml'])
    expect(showConfig({ cwd, env: {}, json: false, config })).toMatch(/^application\.name: "there"/m)
  expect(() => showConfig({ cwd, env: {}, json: false, config: 'none' })).toThrow(/not found; looked for .*none/)
})

describe('run --dry-run', () => {
  test('prints what would be registered', () => {
    const text = showInstance({ ...options(), json: false })
    expect(text.split('\n').map((one) => one.replace(/ +/g, ' '))).toEqual([
      'Would register at n1:8848:',
      'service orders',
      'group DEFAULT_GROUP',
      'namespace public',
      'ip 10.0.0.7 (it is set by cloud.nacos.discovery.ip)',
      'port the one that the app listens on',
      'cluster DEFAULT',
      'weight 2',
      'metadata preserved.register.source=NODE',
      'metadata version=1.10',
      'metadata api-token=***',
      'metadata preserved.heart.beat.interval=10000',
      'metadata preserved.heart.beat.timeout=30000',
      'metadata preserved.ip.delete.timeout=90000',
      'when as soon as the app listens',
    ])
  })

  test('as JSON, and with a port; or says that nothing would be', () => {
    const shown = JSON.parse(showInstance({ ...options(FILES, { NACOS_SERVICE_PORT: '8001' }), json: true })) as object
    expect(shown).toMatchObject({
      registers: true,
      server: 'n1:8848',
      service: 'orders',
      port: 8001,
      registerOn: 'listen',
    })
    expect(JSON.stringify(shown)).not.toContain('canary')
    expect(showInstance({ ...options(FILES, { NACOS_AUTO_REGISTER: 'false' }), json: false })).toMatch(
      /^Nothing would be registered/,
    )
    expect(() => showInstance({ ...options({ 'bootstrap.yml': 'a: 1' }), json: false })).toThrow(
      /application\.name is missing/,
    )
  })
})

test('run --show-detection: framework, name, address and port, and why', () => {
  const manifest = '{"name":"@shop/orders","dependencies":{"express":"^5","@nestjs/core":"^11"}}'
  const lines = (files: Record<string, string>, env = {}) =>
    showDetection({ ...options(files, env), json: false })
      .split('\n')
      .map((one) => one.replace(/ +/g, ' '))
  expect(lines({ 'package.json': manifest, 'bootstrap.yml': 'cloud.nacos.discovery.ip: 10.0.0.7' })).toEqual([
    'framework nest (@nestjs/core ^11 in package.json)',
    'service orders (package.json)',
    'ip 10.0.0.7 (it is set by cloud.nacos.discovery.ip)',
    'port – (the one that the app listens on is registered)',
  ])
  const plain = lines({ 'package.json': '{}', 'bootstrap.yml': 'server.port: 80' }, { NACOS_SERVICE_PORT: '8001' })
  expect(plain).toEqual([
    'framework – (none in package.json: a plain node:http server)',
    expect.stringMatching(/^service – \(application\.name is missing/),
    expect.stringMatching(/^ip /),
    'port 8001 (environment NACOS_SERVICE_PORT)',
  ])
  const json = showDetection({
    ...options({ 'package.json': manifest, 'bootstrap.yml': 'server.port: 80' }),
    json: true,
  })
  expect(JSON.parse(json)).toMatchObject([
    { what: 'framework', value: 'nest' },
    { what: 'service', value: 'orders' },
    { what: 'ip' },
    { what: 'port', value: 80, why: expect.stringContaining('bootstrap.yml:1') as string },
  ])
})

test('run --help has each row, in English and in Chinese', () => {
  for (const [LANG, text] of [
    ['en_US.UTF-8', runHelp({ LANG: 'en_US.UTF-8' })],
    ['zh_CN.UTF-8', runHelp({ LANG: 'zh_CN.UTF-8' })],
  ] as const) {
    for (const row of RUN_SETTINGS) {
      const name =
        row.flag === undefined ? row.env[0]! : row.takes === 'switch' ? `--[no-]${row.flag}` : `--${row.flag}`
      expect(text).toContain(`\n  ${name}`)
      expect(text.replace(/\s+/g, ' ')).toContain(LANG.startsWith('zh') ? row.zh : row.en)
    }
  }
})
