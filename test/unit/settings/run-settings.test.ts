import type { Settings } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { formatRunFlags, RUN_VARIABLE } from '../../../src/settings/run/run-flags.js'
import { RUN_SETTINGS, type RunSetting } from '../../../src/settings/run/run-settings.js'
import { parseRunArguments } from '../../../src/cli/run-arguments.js'
import { loadBootstrap } from '../../support/bootstrap.js'

interface Case {
  /** What is written, and what the setting then is. */
  readonly says: readonly [text: string, becomes: unknown][]
  readonly read: (settings: Settings) => unknown
}

const discovery = (settings: Settings) => settings.cloud.nacos.discovery
/** One for each row: a row without a case fails. */
const CASES: Readonly<Record<string, Case>> = {
  server: { says: [['a:1,b:2', 'a:1,b:2']], read: ({ cloud: { nacos } }) => nacos.serverAddr },
  namespace: { says: [['dev', 'dev']], read: ({ cloud: { nacos } }) => nacos.namespace },
  username: { says: [['nacos', 'nacos']], read: ({ cloud: { nacos } }) => nacos.username },
  password: { says: [['p w', 'p w']], read: ({ cloud: { nacos } }) => nacos.password },
  'service.name': { says: [['orders', 'orders']], read: (settings) => discovery(settings).service },
  'service.port': { says: [['8001', 8001]], read: (settings) => discovery(settings).port },
  'service.ip': { says: [['10.0.0.9', '10.0.0.9']], read: (settings) => discovery(settings).ip },
  'service.group': { says: [['SHOP', 'SHOP']], read: (settings) => discovery(settings).group },
  'service.cluster': { says: [['default', 'default']], read: (settings) => discovery(settings).clusterName },
  'service.weight': { says: [['2.5', 2.5]], read: (settings) => discovery(settings).weight },
  'service.metadata': {
    says: [['version=1.10', { version: '1.10' }]],
    read: (settings) => discovery(settings).metadata,
  },
  'registration.auto_register': {
    says: [
      ['false', false],
      ['true', true],
    ],
    read: (settings) => discovery(settings).registerEnabled,
  },
  'registration.register_on_request': {
    says: [
      ['true', 'request'],
      ['false', 'listen'],
    ],
    read: ({ sidecar }) => sidecar.registerOn,
  },
  'registration.register_on_startup': {
    says: [
      ['true', 'listen'],
      ['false', 'request'],
    ],
    read: ({ sidecar }) => sidecar.registerOn,
  },
  'registration.retry_times': { says: [['3', 3]], read: ({ sidecar }) => sidecar.registerRetries },
  'registration.retry_interval': {
    says: [
      ['2', 2_000],
      ['500ms', 500],
    ],
    read: ({ sidecar }) => sidecar.registerRetryInterval,
  },
  'heartbeat.interval': { says: [['5', 5_000]], read: (settings) => discovery(settings).heartBeatInterval },
  'heartbeat.timeout': { says: [['3', 3_000]], read: ({ cloud: { nacos } }) => nacos.beatTimeout },
  'shutdown.graceful': {
    says: [
      ['false', 0],
      ['true', 'auto'],
    ],
    read: ({ sidecar }) => sidecar.drain,
  },
  'shutdown.timeout': { says: [['10', 10_000]], read: ({ sidecar }) => sidecar.leaveTimeout },
  'shutdown.deregister': {
    says: [
      ['false', false],
      ['true', true],
    ],
    read: ({ sidecar }) => sidecar.deregisterOnExit,
  },
  'discovery.empty_protection': {
    says: [
      ['false', 0],
      ['true', 30_000],
      ['7s', 7_000],
    ],
    read: ({ sidecar }) => sidecar.emptyProtection,
  },
  'logging.level': {
    says: [
      ['INFO', 'info'],
      ['WARNING', 'warn'],
      ['CRITICAL', 'error'],
    ],
    read: ({ logging }) => logging.level['nacos-sidecar'],
  },
  'logging.file': { says: [['a.log', 'a.log']], read: ({ sidecar }) => sidecar.logFile },
}

/** `service.name: orders` as YAML of levels. */
function yamlOf({ field, takes }: RunSetting, text: string): object {
  const value = takes === 'pairs' ? Object.fromEntries([text.split('=')]) : text
  return field.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object
}

/** The settings of a folder that has a nacos.yaml, for a script `app.js`. */
function settingsOf(files: Record<string, string>, vars: Record<string, string> = {}, argv?: readonly string[]) {
  const flags = argv && formatRunFlags('/app.js', parseRunArguments([...argv, 'app.js']).flags)
  const all = { ...vars, ...(flags !== undefined && { [RUN_VARIABLE]: flags }) }
  return loadBootstrap(files, { vars: all, main: '/app.js', required: false })
}

describe.each(RUN_SETTINGS)('$field', (row) => {
  const { says, read } = CASES[row.field] ?? { says: [], read: () => undefined }
  const flagOf = (text: string) => (row.takes === 'switch' ? `--${row.flag}=${text}` : `--${row.flag}`)
  const argvOf = (text: string) => (row.takes === 'switch' ? [flagOf(text)] : [flagOf(text), text])

  test('has a case', () => expect(says.length).toBeGreaterThan(0))

  test.each(says)('%s in nacos.yaml, below `nacos:` and at the top', (text, becomes) => {
    const document = yamlOf(row, text)
    for (const yaml of [{ nacos: document }, row.field === 'server' ? { nacos: document } : document]) {
      const { settings, warnings } = settingsOf({ 'nacos.yaml': JSON.stringify(yaml) })
      expect([read(settings), warnings]).toEqual([becomes, []])
    }
  })

  test.each(says)('%s by each of its variables', (text, becomes) => {
    for (const name of row.env) {
      const { settings, warnings } = settingsOf({ 'nacos.yaml': '{}' }, { [name]: text })
      expect([name, read(settings), warnings]).toEqual([name, becomes, []])
    }
  })

  test.each(row.flag === undefined ? [] : says)('%s by its flag', (text, becomes) => {
    expect(read(settingsOf({}, {}, argvOf(text)).settings)).toEqual(becomes)
  })

  test('a flag is stronger than a variable, a variable stronger than the file', () => {
    const [first, second = first] = says
    const other = says.length > 1 ? first : undefined
    const file = { 'nacos.yaml': JSON.stringify(yamlOf(row, other?.[0] ?? OTHER[row.field] ?? 'other')) }
    expect(read(settingsOf(file, { [row.env[0]!]: second![0] }).settings)).toEqual(second![1])
    if (row.flag === undefined) return
    const vars = { [row.env[0]!]: other?.[0] ?? OTHER[row.field] ?? 'other' }
    expect(read(settingsOf(file, vars, argvOf(second![0])).settings)).toEqual(second![1])
  })
})

/** Another value of the same kind, for rows with one case. */
const OTHER: Readonly<Record<string, string>> = {
  'service.port': '9',
  'service.weight': '9',
  'service.metadata': 'version=2',
  'registration.retry_times': '9',
  'heartbeat.interval': '9',
  'heartbeat.timeout': '9',
  'shutdown.timeout': '9',
}

test('there is no case without a row', () => {
  expect(Object.keys(CASES).sort()).toEqual(RUN_SETTINGS.map(({ field }) => field).sort())
})

describe('nacos.yaml', () => {
  const DJANGO = `nacos:
  # Nacos服务器配置
  server: 127.0.0.1:8848  # address
  namespace: public
  service:
    name: nacos-django-service
    port: 8001
    ip: 127.0.0.1
    group: DEFAULT_GROUP
    cluster: default
    weight: 1.0
    metadata:
      version: 1.0.0
      env: mock
      framework: Django
  registration:
    auto_register: true
    register_on_startup: true
    register_on_request: true
    retry_times: 0
    retry_interval: 1
  heartbeat: { interval: 3, timeout: 3 }
  shutdown: { graceful: true, timeout: 5, deregister: true }
  logging: { level: INFO, file: null }
`
  const TOP = DJANGO.replace('nacos:\n', '').replace(/^ {2}/gm, '')

  test.each([
    ['below nacos:', DJANGO],
    ['at the top', TOP],
    ['a folder of an app', DJANGO.replace('port: 8001', '# port')],
  ])('as the demos of nacos-serving-python have it: %s', (_, yaml) => {
    const { settings, warnings, file } = settingsOf({ 'nacos.yaml': yaml })
    expect(warnings).toEqual([])
    expect(file).toMatch(/nacos\.yaml$/)
    const { nacos } = settings.cloud
    expect(nacos).toMatchObject({ serverAddr: '127.0.0.1:8848', namespace: 'public', beatTimeout: 3_000 })
    expect(nacos.discovery).toMatchObject({
      service: 'nacos-django-service',
      clusterName: 'default',
      weight: 1,
      metadata: { version: '1.0.0', env: 'mock', framework: 'Django' },
      heartBeatInterval: 3_000,
    })
    expect(nacos.discovery.port).toBe(yaml.includes('8001') ? 8001 : undefined)
    expect(settings.sidecar.logFile).toBeUndefined()
    expect(settings.sidecar).toMatchObject({
      registerOn: 'listen',
      registerRetries: 0,
      registerRetryInterval: 1_000,
      drain: 'auto',
      leaveTimeout: 5_000,
    })
  })

  test('an unknown key is named with the nearest one; null and an empty section are no keys', () => {
    const yaml =
      'nacos:\n  service:\n    nmae: x\n    name: a\n  heartbeat:\n  advanced: { cache_dir: x }\nregistration: { retry_time: 3 }\n'
    expect(settingsOf({ 'nacos.yaml': yaml }).warnings).toEqual([
      'nacos.yaml:3:11: unknown key service.nmae, did you mean service.name?',
      'nacos.yaml:6:26: unknown key advanced.cache_dir is ignored',
      'nacos.yaml:7:29: unknown key registration.retry_time, did you mean registration.retry_times?',
    ])
  })

  test('a section with a value of its own is named as such', () => {
    const warningsOf = (yaml: string) => settingsOf({ 'nacos.yaml': yaml, 'package.json': '{"name":"a"}' }).warnings
    expect(warningsOf('nacos:\n  service: orders\n')).toEqual([
      'nacos.yaml:2:12: service is a section: expected keys below it, such as service.name',
    ])
    for (const [yaml, line] of [
      ['nacos: []', 1],
      ['\nnacos: orders', 2],
    ] as const)
      expect(warningsOf(yaml)).toEqual([
        expect.stringMatching(`^nacos\\.yaml:${line}:8: nacos is a section: expected keys below it, such as server$`),
      ])
  })

  test('an address that is wrong is told once, wherever it is given', () => {
    const thrown = (files: Record<string, string>, env: Record<string, string>) => {
      try {
        settingsOf(files, env)
      } catch (error) {
        return (error as Error).message
      }
    }
    const port = 'expected a port 1–65535, got 99999'
    expect(thrown({ 'nacos.yaml': 'a: 1' }, { NACOS_SERVER: 'h:99999', NACOS_SERVICE_PORT: 'x' })).toBe(
      `environment NACOS_SERVER: cloud.nacos.server-addr: ${port}\nenvironment NACOS_SERVICE_PORT: cloud.nacos.discovery.port: expected an integer -1–65535, got "x"`,
    )
  })

  test('servers may be a list; keys of bootstrap.yml may be beside them; a placeholder keeps its unit', () => {
    const yaml =
      'nacos: { server: [a:1, b:2], heartbeat: { interval: "${BEAT:4s}" } }\nsidecar.poll-interval: 3s\nspring.profiles.active: dev\n'
    const { settings, warnings } = settingsOf({ 'nacos.yaml': yaml })
    expect(warnings).toEqual([])
    expect(settings.cloud.nacos).toMatchObject({ serverAddr: 'a:1,b:2', discovery: { heartBeatInterval: 4_000 } })
    expect([settings.sidecar.pollInterval, settings.profiles.active]).toEqual([3_000, ['dev']])
  })

  test('a wrong value is an error with its line', () => {
    expect(() => settingsOf({ 'nacos.yml': 'service:\n  port: 80a\n' })).toThrow(
      /^nacos\.yml:2:9: service\.port: expected an integer/,
    )
  })

  test('is read where there is no bootstrap file, and is weaker than application.yml', () => {
    const nacos = 'service: { name: a, group: G }'
    expect(
      settingsOf({ 'nacos.yaml': nacos, 'bootstrap.yml': 'application.name: b' }).settings.cloud.nacos.discovery,
    ).not.toHaveProperty('service')
    expect(
      settingsOf({ 'nacos.yaml': nacos, 'application.yml': 'cloud.nacos.discovery.service: b' }).settings.cloud.nacos
        .discovery,
    ).toMatchObject({ service: 'b', group: 'G' })
  })

  test('register_on_startup and register_on_request both off: the app registers itself', () => {
    const off = 'registration: { register_on_startup: false, register_on_request: false }'
    expect(settingsOf({ 'nacos.yaml': off }).settings.sidecar.registerOn).toBe('manual')
    const vars = { NACOS_REGISTER_ON_STARTUP: 'false', NACOS_REGISTER_ON_REQUEST: 'no' }
    expect(settingsOf({}, vars).settings.sidecar.registerOn).toBe('manual')
    const argv = ['--no-register-on-startup', '--no-register-on-request']
    expect(settingsOf({}, {}, argv).settings.sidecar.registerOn).toBe('manual')
  })
})

describe('variables', () => {
  const warningsOf = (vars: Record<string, string>, yaml = 'application.name: a') =>
    loadBootstrap({ 'bootstrap.yml': yaml }, { vars }).warnings

  test('an unknown NACOS_* is warned of, with the nearest name', () => {
    expect(
      warningsOf({ NACOS_SERVCE_NAME: 'x', NACOS_WHATEVER_ELSE: 'y', NACOS_SIDECAR_OVERRIDE_USERS: 'http://a' }),
    ).toEqual([
      'environment: unknown variable NACOS_SERVCE_NAME, did you mean NACOS_SERVICE_NAME?',
      'environment: unknown variable NACOS_WHATEVER_ELSE is ignored',
    ])
  })

  test('not one that a document names', () => {
    const yaml = 'application.name: a\ncloud.nacos.server-addr: ${NACOS_ADDR:x:1}\nnacos.own: 1'
    expect(warningsOf({ NACOS_ADDR: 'y:1', NACOS_OWN: '2' }, yaml)).toEqual([])
  })

  test('what Kubernetes sets for a service called nacos is not this process’s port', () => {
    const vars = {
      NACOS_SERVICE_HOST: '10.96.0.7',
      NACOS_SERVICE_PORT: '8848',
      NACOS_SERVICE_PORT_HTTP: '8848',
      NACOS_PORT: 'tcp://10.96.0.7:8848',
      NACOS_PORT_8848_TCP_ADDR: '10.96.0.7',
    }
    const { settings, warnings } = loadBootstrap({ 'bootstrap.yml': 'application.name: a' }, { vars })
    expect(settings.cloud.nacos.discovery.port).toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining('NACOS_SERVICE_PORT is ignored: Kubernetes')])
  })
})

describe('the arguments of run', () => {
  test('flags before and after the script, up to `--`; what is left is the script’s', () => {
    const argv = ['--metadata', 'a=1', '--empty-protection', 'app.js', '--port', '80', '--metadata=b=2,c', '-v']
    expect(parseRunArguments([...argv, '--no-auto-register', '--', '--service-name', 'x'])).toEqual({
      mode: 'start',
      json: false,
      config: undefined,
      file: 'app.js',
      args: ['--port', '80', '-v', '--service-name', 'x'],
      flags: { metadata: ['a=1', 'b=2,c'], 'empty-protection': ['true'], 'auto-register': ['false'] },
    })
  })

  test.each([
    [['--servce-name', 'x', 'app.js'], 'unknown flag --servce-name, did you mean --service-name?'],
    [['--no-servce', 'app.js'], 'unknown flag --no-servce'],
    [['--service-name'], '--service-name needs a value'],
    [['--service-name', '--namespace', 'x', 'app.js'], '--service-name needs a value'],
    [['--metadata', 'x', 'app.js'], '--metadata expects name=value, got x'],
    [['--password=canary', 'app.js'], 'unknown flag --password'],
    [[], 'the script is missing'],
  ])('%j is refused', (argv, why) => {
    expect(() => parseRunArguments(argv)).toThrow(why)
    expect(() => parseRunArguments(argv)).not.toThrow('canary')
  })

  test('they are for the script that was started, not for those that it starts', () => {
    const vars = { [RUN_VARIABLE]: formatRunFlags('/other.js', { 'service-name': ['x'] }) }
    expect(settingsOf({}, { ...vars, NACOS_SERVICE_NAME: 'y' }).settings.cloud.nacos.discovery.service).toBe('y')
    expect(
      settingsOf({}, { [RUN_VARIABLE]: '{', NACOS_SERVICE_NAME: 'y' }).settings.cloud.nacos.discovery.service,
    ).toBe('y')
  })
})
