import { describe, expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../../support/bootstrap.js'
import { tempFolder } from '../../support/temp-folder.js'
import { connectionsOf } from '../../../src/settings/connection.js'
import { loadSettings } from '../../../src/settings/load.js'

const PYTHON_STYLE = `
server:
  port: 9202
application:
  name: orders
profiles:
  active: dev
cloud:
  nacos:
    discovery:
      server-addr: 10.0.0.1:8848
      ip: 10.0.0.9
    config:
      server-addr: 10.0.0.1:8848
      file-extension: yml
      shared-configs:
        - application-\${spring.profiles.active}.\${spring.cloud.nacos.config.file-extension}
`

describe('names', () => {
  test('a bootstrap.yml of the Python library', () => {
    const { settings } = loadBootstrap(PYTHON_STYLE)
    expect(settings.server.port).toBe(9202)
    expect(settings.application.name).toBe('orders')
    expect(settings.profiles.active).toEqual(['dev'])
    expect(settings.cloud.nacos.config.sharedConfigs.map((config) => config.dataId)).toEqual(['application-dev.yml'])
  })

  test('the same below spring:, server outside it', () => {
    const indented = PYTHON_STYLE.replace('server:\n  port: 9202\n', '').replace(/^/gm, '  ')
    const { settings } = loadBootstrap(`server:\n  port: 9202\nspring:${indented}`)
    expect(settings).toEqual(loadBootstrap(PYTHON_STYLE).settings)
  })

  test.each(['server-addr', 'serverAddr', 'server_addr', 'SERVER_ADDR'])('%s is one name', (name) => {
    const { settings, warnings } = loadBootstrap(`cloud: { nacos: { discovery: { ${name}: "n:1" } } }`)
    expect(settings.cloud.nacos.discovery.serverAddr).toBe('n:1')
    expect(warnings).toEqual([])
  })

  test('dotted keys, mixed with nested ones', () => {
    const { settings } = loadBootstrap(
      'spring.cloud.nacos.discovery.server-addr: n:1\nspring:\n  cloud.nacos:\n    discovery.group: G\n',
    )
    expect(settings.cloud.nacos.discovery).toMatchObject({ serverAddr: 'n:1', group: 'G' })
  })

  test.each([
    'sidecar.poll-interval',
    'auth.timeout',
    'cloud.nacos.request-timeout',
    'cloud.nacos.beat-timeout',
    'cloud.nacos.config.timeout',
    'cloud.nacos.discovery.heart-beat-interval',
  ])('an interval or deadline of no length is refused: %s', (key) => {
    expect(loadError(`${key}: 0`).message).toBe(
      `bootstrap.yml:1:${key.length + 3}: ${key}: expected a duration above 0, got "0"`,
    )
  })

  test('a duration that no timer takes is the longest one that it does', () => {
    const { settings } = loadBootstrap('feign.client.default: { read-timeout: 30d, timeout: 0 }')
    expect(settings.feign.client['default']).toEqual({ readTimeout: 2 ** 31 - 1, timeout: 0 })
  })

  test('free names keep their spelling and their dots', () => {
    const { settings } = loadBootstrap(`
cloud.nacos.discovery.metadata:
  preserved.heart.beat.interval: 1000
  versionTag: 1.10
  zone: 007
logging.level: { com.example: TRACE, com.example.deep: OFF, root: INFO }
feign.client.user-service: { read-timeout: 2s, headers: { X-From: node } }
`)
    expect(settings.cloud.nacos.discovery.metadata).toEqual({
      'preserved.heart.beat.interval': '1000',
      versionTag: '1.10',
      zone: '007',
    })
    expect(settings.logging.level).toEqual({ 'com.example': 'debug', 'com.example.deep': 'silent', root: 'info' })
    expect(settings.feign.client['user-service']).toMatchObject({ readTimeout: 2000, headers: { 'X-From': 'node' } })
  })

  test('the key n and the word no stay what they are', () => {
    const { store } = loadBootstrap('n: 1\ncountry: no\nx: &a { y: 2 }\nz: { <<: *a, w: 3 }\n')
    expect([store.get('n'), store.get('country'), store.get('z')]).toEqual([1, 'no', { y: 2, w: 3 }])
  })

  test('settings are frozen, all the way down', () => {
    const { settings } = loadBootstrap(PYTHON_STYLE)
    expect(Object.isFrozen(settings.cloud.nacos.config.sharedConfigs[0])).toBe(true)
  })
})

describe('an empty file', () => {
  test.each(['', '# nothing\n', '---\n---\n'])('%j gives the defaults', (yaml) => {
    const { settings } = loadBootstrap(yaml)
    expect(settings.cloud.nacos.discovery).toMatchObject({
      group: 'DEFAULT_GROUP',
      heartBeatInterval: 10_000,
      heartBeatTimeout: 30_000,
      ipDeleteTimeout: 90_000,
    })
  })

  test('a key with nothing behind it leaves the default', () => {
    expect(loadBootstrap('auth:\ncloud:\n  nacos:\n    discovery:\n      group:\n').settings.auth.enabled).toBe(false)
  })
})

describe('profiles', () => {
  const files = {
    'bootstrap.yml': `
spring.profiles.active: \${ENV:dev}
a: base
b: base
c: base
---
spring.config.activate.on-profile: dev
a: dev document
---
spring.profiles: "!dev"
a: not dev
---
spring.config.activate.on-profile: [prod & eu, test]
a: prod in europe, or test
`,
    'bootstrap-dev.yml': 'b: dev file\nspring.application.name: orders-dev',
    'bootstrap-prod.yml': 'b: prod file',
    'bootstrap-eu.yaml': 'b: eu file',
  }
  const read = (vars: Record<string, string>) => {
    const { store } = loadBootstrap(files, { vars })
    return [store.get('a'), store.get('b'), store.get('c')]
  }

  test('of the file itself', () => expect(read({})).toEqual(['dev document', 'dev file', 'base']))
  test('negated', () => expect(read({ ENV: 'stage' })).toEqual(['not dev', 'base', 'base']))
  test('several: the last file wins', () =>
    expect(read({ SPRING_PROFILES_ACTIVE: 'prod,eu' })).toEqual(['prod in europe, or test', 'eu file', 'base']))
  test('an included one is weaker than an active one', () =>
    expect(read({ SPRING_PROFILES_ACTIVE: 'eu', SPRING_PROFILES_INCLUDE: 'prod' })).toEqual([
      'prod in europe, or test',
      'eu file',
      'base',
    ]))
  test('one of a list', () => expect(read({ ENV: 'test' })).toEqual(['prod in europe, or test', 'base', 'base']))

  test('a malformed expression says where', () => {
    const error = loadError('---\nspring.config.activate.on-profile: "a & (b"\n')
    expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_INVALID' })
    expect(error.message).toContain('bootstrap.yml:2:36: malformed profile expression "a & (b"')
  })
})

describe('precedence', () => {
  test('code > command line > environment > profile file > file > default', () => {
    const files = { 'bootstrap.yml': 'profiles.active: dev\nserver.port: 1', 'bootstrap-dev.yml': 'server.port: 2' }
    const port = (options: Parameters<typeof loadBootstrap>[1]) => loadBootstrap(files, options).settings.server.port
    const vars = { SERVER_PORT: '3' }
    const argv = ['--server.port=4', '--verbose', '--other=x']
    expect(loadBootstrap('server.port: 1').settings.server.port).toBe(1)
    expect(port({})).toBe(2)
    expect(port({ vars })).toBe(3)
    expect(port({ vars, argv })).toBe(4)
    expect(port({ vars, argv, overrides: { server: { port: 5 } } })).toBe(5)
    expect(port({ vars, argv, overrides: { 'spring.server.port': 6 } })).toBe(6)
  })

  test('J: the command line as Spring reads it: a name said twice, an index without a dot', () => {
    const argv = ['--hosts.all=a', '--hosts.all=b', '--ports[0]=80', '--server.port', '9000', '--flag=x', '--a.b=c=d']
    const { store, settings } = loadBootstrap('ports: [1, 2]', { argv })
    expect(store.get('hosts.all')).toBe('a,b')
    expect(store.get('ports')).toEqual([80])
    expect(store.get('a.b')).toBe('c=d')
    // `--server.port 9000` and `--flag=x` are the app's own.
    expect(settings.server.port).toBeUndefined()
    expect(store.get('flag')).toBeUndefined()
  })

  test('J: a group that bootstrap.yml knows: the profile is stronger than its members', () => {
    const files = {
      'bootstrap.yml': 'spring.profiles: { active: prod, group: { prod: [db, mq] } }',
      'application-prod.yml': 'who: prod',
      'application-db.yml': 'who: db',
      'application-mq.yml': 'who: mq',
    }
    const { store } = loadBootstrap(files)
    expect(store.profiles).toEqual(['db', 'mq', 'prod'])
    expect(store.get('who')).toBe('prod')
    const later = loadBootstrap({
      ...files,
      'bootstrap.yml': 'spring.profiles.active: prod',
      'application.yml': 'spring.profiles.group.prod: [db, mq]',
    })
    expect(later.store.profiles).toEqual(['prod', 'db', 'mq'])
    expect(later.store.get('who')).toBe('mq')
  })

  test('.env is below the environment and above the file', () => {
    const files = {
      'bootstrap.yml': 'server.port: 1\napplication.name: ${APP}',
      '.env': 'SERVER_PORT=2\nAPP=from-dotenv\n',
    }
    expect(loadBootstrap(files).settings).toMatchObject({ server: { port: 2 }, application: { name: 'from-dotenv' } })
    expect(loadBootstrap(files, { vars: { SERVER_PORT: '3' } }).settings.server.port).toBe(3)
    expect(process.env['APP']).toBeUndefined()
  })

  test('maps merge, lists replace', () => {
    const { store } = loadBootstrap({
      'bootstrap.yml': 'profiles.active: dev\nm: { a: 1, b: 2 }\nl: [1, 2, 3]\ns: { t: 1 }',
      'bootstrap-dev.yml': 'm: { b: 3 }\nl: [4]\ns:\n',
    })
    expect([store.get('m'), store.get('l'), store.get('s')]).toEqual([{ a: 1, b: 3 }, [4], { t: 1 }])
  })
})

describe('environment', () => {
  const nacos = (vars: Record<string, string>, yaml = '') => loadBootstrap(yaml, { vars }).settings.cloud.nacos

  test.each([
    'SPRING_CLOUD_NACOS_DISCOVERY_SERVER_ADDR',
    'SPRING_CLOUD_NACOS_DISCOVERY_SERVERADDR',
    'CLOUD_NACOS_DISCOVERY_SERVER_ADDR',
    'spring.cloud.nacos.discovery.server-addr',
  ])('%s', (name) => expect(nacos({ [name]: 'n:1' }).discovery.serverAddr).toBe('n:1'))

  test("a shell's own `_` is the value of no key", () => {
    const { store } = loadBootstrap('"-": own\n"": none', { vars: { _: '/usr/bin/node' } })
    expect([store.get('-'), store.get('')]).toEqual(['own', expect.not.objectContaining({ _: expect.anything() })])
  })

  test('lists, by index and by commas', () => {
    const vars = {
      SPRING_CLOUD_NACOS_CONFIG_SHARED_CONFIGS_0_: 'a.yml',
      SPRING_CLOUD_NACOS_CONFIG_SHAREDCONFIGS_1_DATAID: 'b.yml',
      SPRING_CLOUD_NACOS_CONFIG_SHAREDCONFIGS_1_REFRESH: 'off',
      AUTH_EXCLUDE_PATHS: '/a, /b',
    }
    const { settings } = loadBootstrap('cloud.nacos.config.shared-configs: [x, y, z]', { vars })
    expect(settings.cloud.nacos.config.sharedConfigs).toEqual([
      { dataId: 'a.yml', group: undefined, refresh: undefined },
      { dataId: 'b.yml', group: undefined, refresh: false },
    ])
    expect(settings.auth.excludePaths).toEqual(['/a', '/b'])
  })

  test('maps', () => {
    const { settings } = loadBootstrap('cloud.nacos.discovery.metadata.a: file', {
      vars: {
        SPRING_CLOUD_NACOS_DISCOVERY_METADATA_VERSION: '1.0',
        FEIGN_CLIENT_USER_SERVICE_READ_TIMEOUT: '3s',
        LOGGING_LEVEL_NACOS_SIDECAR: 'DEBUG',
      },
    })
    expect(settings.cloud.nacos.discovery.metadata).toEqual({ a: 'file', version: '1.0' })
    expect(settings.feign.client).toMatchObject({ 'user-service': { readTimeout: 3000 } })
    expect(settings.logging.level).toEqual({ 'nacos-sidecar': 'debug' })
  })

  test('the short names', () => {
    const vars = {
      NACOS_SERVER: 'env:1',
      NACOS_NAMESPACE: 'ns',
      NACOS_USERNAME: 'u',
      NACOS_PASSWORD: '0123',
      NACOS_SERVICE_NAME: 'svc',
      NACOS_SERVICE_PORT: '81',
      NACOS_SERVICE_IP: '10.1.1.1',
    }
    const yaml = 'cloud.nacos: { discovery: { server-addr: "file:1", group: G }, config: { namespace: file } }'
    const { discovery, config } = nacos(vars, yaml)
    expect(discovery).toMatchObject({ serverAddr: 'env:1', service: 'svc', port: 81, ip: '10.1.1.1', group: 'G' })
    expect(config).toMatchObject({ serverAddr: 'env:1', namespace: 'ns', username: 'u', password: '0123' })
  })

  test('a short name gives way to the long one, and to code', () => {
    const vars = { NACOS_SERVER: 'short:1', SPRING_CLOUD_NACOS_DISCOVERY_SERVER_ADDR: 'long:1' }
    expect(nacos(vars)).toMatchObject({ discovery: { serverAddr: 'long:1' }, config: { serverAddr: 'short:1' } })
    const { settings } = loadBootstrap('', {
      vars: { NACOS_SERVER: 'x:1' },
      overrides: { cloud: { nacos: { serverAddr: 'c:1' } } },
    })
    expect(settings.cloud.nacos).toMatchObject({ serverAddr: 'c:1' })
    expect(settings.cloud.nacos.discovery.serverAddr).toBeUndefined()
  })

  test('a local override of one service, by its name or in capitals', () => {
    const { settings } = loadBootstrap('feign.client.user-service: { url: "http://file", read-timeout: 1s }', {
      vars: {
        NACOS_SIDECAR_OVERRIDE_USER_SERVICE: 'http://weaker:1',
        'NACOS_SIDECAR_OVERRIDE_user-service': 'http://localhost:3000',
        NACOS_SIDECAR_OVERRIDE_ORDER_SERVICE: 'http://localhost:3001',
        'NACOS_SIDECAR_OVERRIDE_grey@@payService': 'http://localhost:3002',
      },
    })
    expect(settings.feign.client).toMatchObject({
      'user-service': { url: 'http://localhost:3000', readTimeout: 1_000 },
      'order-service': { url: 'http://localhost:3001' },
      'grey@@payService': { url: 'http://localhost:3002' },
    })
  })

  test('an empty variable leaves a setting alone', () => {
    expect(loadBootstrap('server.port: 1', { vars: { SERVER_PORT: '' } }).settings.server.port).toBe(1)
  })

  test('so does a placeholder whose default is empty', () => {
    const yaml = `
server.port: \${PORT:}
cloud.nacos:
  server-addr: nacos:8848
  username: base
  discovery: { server-addr: '\${ADDR:}', username: '\${USER:}', ip: '\${HOST_IP:}', group: '\${GROUP:}', weight: '\${W:}' }
  config: { file-extension: '\${EXT:}', refresh-enabled: '\${R:}', shared-configs: [a.yml, '\${MORE:}'] }
`
    const { server, cloud } = loadBootstrap(yaml).settings
    expect(server.port).toBeUndefined()
    expect(connectionsOf(cloud.nacos).discovery).toMatchObject({ username: 'base', addresses: [{ host: 'nacos' }] })
    expect(cloud.nacos.discovery).toMatchObject({ group: 'DEFAULT_GROUP', weight: 1 })
    expect(cloud.nacos.discovery.ip).toBeUndefined()
    expect(cloud.nacos.config).toMatchObject({ fileExtension: 'yml', refreshEnabled: true })
    expect(cloud.nacos.config.sharedConfigs).toMatchObject([{ dataId: 'a.yml' }])
    expect(loadBootstrap(yaml, { vars: { HOST_IP: '10.0.0.9' } }).settings.cloud.nacos.discovery.ip).toBe('10.0.0.9')
  })

  test('a plain empty text is a value', () => {
    expect(loadBootstrap('sidecar.version-header: ""').settings.sidecar.versionHeader).toBe('')
  })
})

describe('where the file is', () => {
  const yaml = (name: string) => `application.name: ${name}`
  const nameOf = (options: Parameters<typeof loadSettings>[0]) =>
    loadSettings({ env: {}, argv: [], ...options }).settings.application.name

  test('configPath, SIDECAR_CONFIG, the working directory, the folder of the main package', () => {
    const folder = tempFolder({
      'cwd/bootstrap.yml': yaml('cwd'),
      'app/package.json': '{}',
      'app/bootstrap.yaml': yaml('package'),
      'app/src/main.js': '',
      'etc/other.yml': yaml('explicit'),
      'etc/bootstrap.yml': yaml('folder'),
      'empty/x': '',
    })
    const cwd = `${folder}/cwd`
    const main = `${folder}/app/src/main.js`
    expect(nameOf({ cwd, main })).toBe('cwd')
    expect(nameOf({ cwd: `${folder}/empty`, main })).toBe('package')
    expect(nameOf({ cwd, main, configPath: '../etc/other.yml' })).toBe('explicit')
    expect(nameOf({ cwd, main, configPath: `${folder}/etc` })).toBe('folder')
    expect(nameOf({ cwd, main, env: { SIDECAR_CONFIG: '../etc/other.yml' } })).toBe('explicit')
    expect(nameOf({ cwd, main, env: { SIDECAR_CONFIG: '../etc/other.yml' }, configPath: 'bootstrap.yml' })).toBe('cwd')
  })

  test('none at all is fine where code or environment say enough', () => {
    const cwd = tempFolder()
    const { settings, warnings, file } = loadSettings({ cwd, main: cwd, argv: [], env: { NACOS_SERVER: 'n:1' } })
    expect(settings.cloud.nacos.serverAddr).toBe('n:1')
    expect(file).toBeUndefined()
    expect(warnings[0]).toContain(`${cwd}/bootstrap.yml`)
    expect(loadSettings({ cwd, main: cwd, argv: [], env: {}, required: false }).settings.sidecar.drain).toBe('auto')
  })
})

describe('wrong values', () => {
  test('name the key as it was written, the place and the value', () => {
    const error = loadError(
      'spring:\n  cloud:\n    nacos:\n      discovery:\n        weight: heavy\n        heart_beat_interval: soon\n',
    )
    expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_INVALID' })
    expect(error.message.split('\n')).toEqual([
      'bootstrap.yml:5:17: spring.cloud.nacos.discovery.weight: expected a number 0–10000, got "heavy"',
      'bootstrap.yml:6:30: spring.cloud.nacos.discovery.heart_beat_interval: expected a duration such as 500, 500ms, 10s or 2m, got "soon"',
    ])
  })

  test.each<[string, string]>([
    ['auth.enabled: maybe', 'auth.enabled: expected true or false, got "maybe"'],
    ['auth: yes', 'auth: expected settings below it, got "yes"'],
    ['server.port: [1]', 'server.port: expected an integer 0–65535, got a list'],
    ['server.port: { a: 1 }', 'server.port: expected an integer 0–65535, got settings below it'],
    ['server.port: 65536', 'server.port: expected an integer 0–65535, got "65536"'],
    ['sidecar.drain: off', 'sidecar.drain: expected auto, or a duration such as 12s (0 for none), got "off"'],
    ['server.port: ""', 'server.port: expected an integer 0–65535, got ""'],
    ['auth.mount: last', 'auth.mount: expected first or manual, got "last"'],
    ['cloud.nacos.config.shared-configs: [{ group: G }]', 'shared-configs[0]'],
    ['cloud.nacos.server-addr: "ftp://n"', 'cloud.nacos.server-addr: expected http:// or https://, got ftp://'],
    [
      'cloud.nacos.discovery: { heart-beat-interval: 40s, heart-beat-timeout: 30s }',
      'cloud.nacos.discovery.heart-beat-timeout: heart-beat-timeout (30000 ms) must not be below heart-beat-interval (40000 ms): the registry refuses that',
    ],
    ['cloud.nacos.discovery.heart-beat-interval: 0', 'heart-beat-interval: expected a duration above 0, got "0"'],
    ['sidecar.observe.period: 1ms', 'period: expected a duration of at least 50ms, got "1ms"'],
    ['feign.client.users.retry: -1', 'feign.client.users.retry: expected an integer 0–10, got "-1"'],
  ])('%s', (yaml, message) => expect(loadError(yaml).message).toContain(message))

  test('say which variable or argument it was', () => {
    expect(loadError('', { vars: { SERVER_PORT: 'x' } }).message).toBe(
      'environment SERVER_PORT: server.port: expected an integer 0–65535, got "x"',
    )
    expect(loadError('', { argv: ['--server.port=x'] }).message).toContain(
      'command line: --server.port: expected an integer',
    )
    expect(loadError('server.port: ${PORT}', { vars: { PORT: 'tcp' } }).message).toContain(
      'bootstrap.yml:1:14: server.port: expected an integer 0–65535, got "tcp"',
    )
  })

  test('never show a secret', () => {
    const error = loadError('cloud.nacos.password: [canary]\nauth.token: canary')
    expect(error.message).toContain('cloud.nacos.password')
    expect(error.message).not.toContain('canary')
  })

  test('nor one that is a part of a value', () => {
    const error = loadError('server.port: "https://user:canary@host/?password=canary"')
    expect(error.message).toMatch(/server\.port: expected an integer .*"https:\/\/user:\*\*\*@host/)
    expect(error.message).not.toContain('canary')
  })
})

describe('unknown keys', () => {
  test('warn with the nearest name, at any depth', () => {
    const { warnings } = loadBootstrap(
      'cloud:\n  nacos:\n    discovery:\n      servr-addr: x\n      watch-dleay: 1\nauth:\n  token:\n    cookie: true\nother: 1\n',
    )
    expect(warnings).toEqual([
      'bootstrap.yml:4:19: unknown key cloud.nacos.discovery.servr-addr, did you mean server-addr?',
      'bootstrap.yml:5:20: unknown key cloud.nacos.discovery.watch-dleay is ignored',
      'bootstrap.yml:8:13: unknown key auth.token.cookie, did you mean cookies?',
    ])
  })

  test('J8: what Spring knows and nothing depends on here is one line, no warning', () => {
    const { warnings, notes } = loadBootstrap(`
spring.cloud.nacos:
  discovery: { watch-delay: 1, watch: { enabled: true }, heart-beat.enabled: true, namingLoadCacheAtStart: true, log-name: x, failure-tolerance-enabled: true, ip-type: IPv4 }
  config: { max-retry: 3, configLongPollTimeout: 46000, config-retry-time: 2, enable-remote-sync-config: true, import-check: { enabled: false }, refresh-behavior: specific_bean, cluster-name: c }
`)
    expect(warnings).toEqual([])
    expect(notes).toHaveLength(1)
    for (const key of ['discovery.watch-delay', 'discovery.naming-load-cache-at-start', 'config.import-check.enabled'])
      expect(notes[0]).toContain(`cloud.nacos.${key}`)
    expect(notes[0]!.split(', ')).toHaveLength(13)
    expect(loadBootstrap('spring.cloud.nacos.config.import-check: { enbled: false }').warnings).toHaveLength(1)
    expect(loadBootstrap('a: 1').notes).toEqual([])
  })
})

describe('a service that nothing names', () => {
  const nameOf = (files: Record<string, string>, options: Parameters<typeof loadBootstrap>[1] = {}) =>
    loadBootstrap({ 'bootstrap.yml': 'a: ${spring.application.name:none}', ...files }, options)

  test('K5: has the name of its package, without its scope', () => {
    const { settings, store } = nameOf({ 'package.json': '{ "name": "@shop/orders" }' })
    expect(settings.application.name).toBe('orders')
    expect(store.get('a')).toBe('orders')
    expect(store.explain('spring.application.name').origin).toMatchObject({ document: 'package.json' })
  })

  test('K5: of the main script, but of the working directory where a tool starts the script', () => {
    const files = {
      'package.json': '{ "name": "cwd" }',
      'app/package.json': '{ "name": "app" }',
      'app/src/main.js': '',
    }
    const cwd = tempFolder({
      'bootstrap.yml': '',
      ...files,
      'node_modules/pm2/package.json': '{ "name": "pm2" }',
      'node_modules/pm2/run.js': '',
    })
    const at = (main: string) =>
      loadSettings({ cwd, main: `${cwd}/${main}`, env: {}, argv: [] }).settings.application.name
    expect(at('app/src/main.js')).toBe('app')
    expect(at('node_modules/pm2/run.js')).toBe('cwd')
  })

  test.each([
    ['the file', { 'bootstrap.yml': 'application.name: file' }, {}],
    ['the environment', {}, { vars: { NACOS_SERVICE_NAME: 'x' } }],
    ['cloud.nacos.discovery.service', { 'bootstrap.yml': 'cloud.nacos.discovery.service: x' }, {}],
  ])('K5: does not where %s does', (_whose, files, options) => {
    const { settings } = nameOf({ 'package.json': '{ "name": "orders" }', ...files }, options)
    expect(settings.application.name).not.toBe('orders')
  })

  test.each(['{}', '{ "name": 7 }', 'broken'])('K5: has none where package.json is %s', (text) => {
    expect(nameOf({ 'package.json': text }).settings.application.name).toBeUndefined()
  })
})
