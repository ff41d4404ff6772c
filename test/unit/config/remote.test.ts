import { createHash } from 'node:crypto'
import { type ConfigItem, type ConfigKey, type NacosTransport, type Settings, SidecarError } from 'nacos-sidecar'
import { describe, expect, test, vi } from 'vitest'
import { pollConfigs } from '../../../src/nacos/polling.js'
import type { ConfigListener, ConfigSource } from '../../../src/nacos/transport.js'
import { createRemoteConfig } from '../../../src/config/remote.js'
import { planDocuments } from '../../../src/config/remote-plan.js'
import { connectionOf } from '../../../src/settings/connection.js'
import { collectLog } from '../../support/collect.js'
import { collectGarbage } from '../../support/cost.js'
import { loadBootstrap } from '../../support/bootstrap.js'

type Answer = string | Error | 'hang' | { content: string; type: string }

/** A registry in memory: the seam itself, since what is tested stands above it. */
function memoryTransport(documents: Record<string, Answer>, settings: Settings, watching = true) {
  const asked: string[] = []
  const listeners = new Map<string, ConfigListener>()
  const item = (key: ConfigKey, content: string, type?: string): ConfigItem => ({
    ...key,
    content,
    md5: createHash('md5').update(content).digest('hex'),
    ...(type && { type }),
  })
  const nameOf = ({ group, dataId }: ConfigKey) => (group === 'DEFAULT_GROUP' ? dataId : `${group}/${dataId}`)
  const getConfig: NacosTransport['getConfig'] = async (key) => {
    asked.push(nameOf(key))
    const answer = documents[nameOf(key)]
    if (answer === undefined) return undefined
    if (answer === 'hang') return new Promise<never>(() => {})
    if (answer instanceof Error) throw answer
    return typeof answer === 'string' ? item(key, answer) : item(key, answer.content, answer.type)
  }
  const watchConfig: ConfigSource = (key, _md5, listener) => {
    listeners.set(nameOf(key), listener)
    return () => listeners.delete(nameOf(key))
  }
  const polled: ConfigSource = (...watch) => {
    const { pollInterval: intervalMs } = settings.sidecar
    return pollConfigs({ ask: getConfig, intervalMs, immediate: false, logger: collectLog() })(...watch)
  }
  const transport = { getConfig, watchConfig: watching ? watchConfig : polled }
  const push = (name: string, content: string | undefined) => {
    const [dataId = '', group = 'DEFAULT_GROUP'] = name.split('/').reverse()
    const key = { namespace: '', group, dataId }
    listeners.get(name)!(content === undefined ? undefined : item(key, content))
  }
  return { transport, asked, listeners, push, documents }
}

function remoteOf(
  yaml: string | Record<string, string>,
  documents: Record<string, Answer>,
  options: { watching?: boolean; vars?: Record<string, string> } = {},
) {
  const { settings, store, warnings } = loadBootstrap(yaml, { vars: options.vars ?? {} })
  const registry = memoryTransport(documents, settings, options.watching)
  const lines: string[] = []
  const log = (level: string) => (line: string) => void lines.push(`${level} ${line}`)
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const changes: (readonly string[])[] = []
  const emit = (event: string, payload?: unknown) => {
    if (event === 'configChanged') changes.push((payload as { keys: readonly string[] }).keys)
  }
  const { namespace } = connectionOf(settings.cloud.nacos, 'config')
  const remote = createRemoteConfig({ transport: registry.transport, namespace, settings, store, logger, emit })
  return { remote, store, lines, changes, warnings, ...registry }
}

const down = () => new SidecarError('SIDECAR_REGISTRY_UNAVAILABLE', 'connection refused')

const ORDERS = 'application.name: orders\nprofiles.active: [dev, eu]\n'
const FAIL_FAST = `${ORDERS}cloud.nacos.config.fail-fast: true\n`

describe('a `---` document for some profiles', () => {
  const content = `
who: all
---
spring.config.activate.on-profile: prod
who: prod
prod.only: 1
---
spring.profiles: dev
dev.only: 1
---
spring: { config: { activate: { on-profile: ["!prod & eu"] } } }
where: eu
`

  test('counts for them alone, and says nothing of which are active', async () => {
    const { remote, store } = remoteOf(ORDERS, { 'orders.yml': content })
    await remote.load()
    expect(['who', 'prod.only', 'dev.only', 'where'].map((key) => store.get(key))).toEqual(['all', undefined, 1, 'eu'])
    expect(store.get('profiles.active')).toEqual(['dev', 'eu'])
    expect(store.get('config.activate')).toBeUndefined()
    expect(store.explain('who').shadows).toEqual([])
  })

  test('is for the profile default where none is active', async () => {
    const yaml =
      'spring.config.activate.on-profile: default\na: 1\n---\nspring.config.activate.on-profile: "!default"\na: 2'
    const { remote, store } = remoteOf('application.name: orders', { 'orders.yml': yaml })
    await remote.load()
    expect(store.get('a')).toBe(1)
  })

  test('with a malformed expression is refused whole, with its place', async () => {
    const broken = 'a: 1\n---\nspring.config.activate.on-profile: "a & (b"\n'
    const { remote, store, lines } = remoteOf(ORDERS, { 'orders.yml': broken })
    await remote.load()
    expect(store.get('a')).toBeUndefined()
    expect(lines).toContainEqual(
      expect.stringContaining('config orders.yml:3:36: malformed profile expression "a & (b"'),
    )
  })

  test("leaves an app's own `profiles` alone", async () => {
    const { remote, store } = remoteOf(ORDERS, { 'orders.yml': 'profiles: [gold, silver]' })
    await remote.load()
    expect(store.get('profiles', 'remote')).toEqual(['gold', 'silver'])
  })
})

describe('the documents that are asked for', () => {
  test('in the order of Spring, the last one the strongest', async () => {
    const yaml = `${ORDERS}
cloud.nacos.config:
  group: G
  shared-configs: [shared.yml, { data-id: shared2.yml, group: S, refresh: false }]
  extension-configs: [{ data-id: ext.yml }]
`
    const { remote, asked, listeners } = remoteOf(yaml, {})
    await remote.load()
    expect(asked).toEqual([
      'shared.yml',
      'S/shared2.yml',
      'ext.yml',
      'G/orders',
      'G/orders.yml',
      'G/orders-dev.yml',
      'G/orders-eu.yml',
    ])
    expect([...listeners.keys()]).not.toContain('S/shared2.yml')
    expect(remote.documents().map((document) => document.state)).toEqual(Array(7).fill('absent'))
  })

  test('J1: shared and extension configs are in DEFAULT_GROUP, all others in config.group', () => {
    const config = `application.name: orders
cloud.nacos.config:
  group: ORDER_GROUP
  shared-configs: [plain.yaml, { data-id: common.yaml }, { data-id: empty.yaml, group: "" }, { data-id: s.yaml, group: S }]
  extension-configs: [{ data-id: ext.yaml }]
`
    const planned = (yaml: string) => {
      const { settings, store } = loadBootstrap(yaml)
      return planDocuments(settings, '', store).references.map(({ group, dataId }) => `${group}/${dataId}`)
    }
    expect(planned(config)).toEqual([
      'DEFAULT_GROUP/plain.yaml',
      'DEFAULT_GROUP/common.yaml',
      'DEFAULT_GROUP/empty.yaml',
      'S/s.yaml',
      'DEFAULT_GROUP/ext.yaml',
      'ORDER_GROUP/orders',
      'ORDER_GROUP/orders.yml',
    ])
    const imports = 'spring.config.import: [nacos:imported.yaml, "nacos:own.yaml?group=I"]\n'
    expect(planned(imports + config)).toEqual(['ORDER_GROUP/imported.yaml', 'I/own.yaml'])
  })

  test('J2: with imports, those and no others, and a word on what is left out', async () => {
    const yaml = `${ORDERS}
spring.config.import: optional:nacos:imported.yml?group=I&refreshEnabled=false, configserver:x, nacos:?group=I
cloud.nacos.config:
  shared-configs: [shared.yml]
  extension-configs: [{ data-id: ext.yml }]
`
    const { remote, asked, lines, listeners, warnings } = remoteOf(yaml, {})
    await remote.load()
    expect(asked).toEqual(['I/imported.yml'])
    expect([...listeners.keys()]).toEqual([])
    expect(warnings).toEqual([
      'bootstrap.yml:4:23: config.import: configserver:x is ignored: only nacos:, file:, classpath: and configtree: are imported',
    ])
    expect(lines).toContain('warn config.import: nacos:?group=I is ignored: it names no data id')
    expect(lines).toContainEqual(
      expect.stringMatching(/^warn shared-configs and extension-configs are not loaded \(shared\.yml, ext\.yml\)/),
    )
  })

  test('of an included profile before the active ones, as of its file', async () => {
    const { remote, asked } = remoteOf('application.name: orders\nprofiles: { active: dev, include: [eu, tls] }\n', {})
    await remote.load()
    expect(asked.slice(2)).toEqual(['orders-eu.yml', 'orders-tls.yml', 'orders-dev.yml'])
  })

  test('application-dev.yml, as the users of the Python library write it', async () => {
    const yaml = `
application.name: orders
profiles.active: dev
cloud.nacos.config:
  file-extension: yml
  shared-configs: ["application-\${spring.profiles.active}.\${spring.cloud.nacos.config.file-extension}"]
`
    const { remote, asked } = remoteOf(yaml, {})
    await remote.load()
    expect(asked[0]).toBe('application-dev.yml')
  })

  test('a profile that is needed and not active is an error that says so', () => {
    expect(() => loadBootstrap('cloud.nacos.config.shared-configs: ["a-${spring.profiles.active}.yml"]')).toThrow(
      expect.objectContaining({
        code: 'SIDECAR_PLACEHOLDER_UNRESOLVED',
        message: expect.stringMatching(/bootstrap\.yml:1:37: \$\{spring\.profiles\.active\}.*no profile is active/),
      }),
    )
  })

  test('none where the config side is switched off', async () => {
    const { remote, asked, store } = remoteOf(`${ORDERS}cloud.nacos.config.enabled: false`, {})
    await remote.load()
    expect(asked).toEqual([])
    expect(store.remoteReady).toBe(true)
  })
})

describe('what they say', () => {
  test('later documents win, maps merge, lists replace', async () => {
    const { remote, store } = remoteOf(`${ORDERS}cloud.nacos.config.shared-configs: [s.yml]`, {
      's.yml': 'a: s\nb: s\nm: { x: 1, y: 1 }\nl: [1, 2]',
      'orders.yml': 'b: name\nm: { y: 2 }\nl: [3]',
      'orders-dev.yml': 'c: dev',
      'orders-eu.yml': 'c: eu',
    })
    await remote.load()
    expect(store.get('', 'remote')).toEqual({ a: 's', b: 'name', c: 'eu', m: { x: 1, y: 2 }, l: [3] })
    expect(store.explain('b').shadows).toEqual([expect.objectContaining({ document: 's.yml', line: 2, value: 's' })])
  })

  test('yaml, json, properties, text, by extension or by type', async () => {
    const yaml = `cloud.nacos.config.shared-configs: [a.yaml, b.json, c.properties, d.txt, e, f]`
    const { remote, store } = remoteOf(yaml, {
      'a.yaml': 'a: 1\n---\na: 2',
      'b.json': '{\n\t"b": { "id": 12345678901234567890, "l": [true, null] }\n}',
      'c.properties': '# comment\nc.port=9202\nc.list[0]=x\nc.list[1]=y\nc.umlaut=\\u00fc\n',
      'd.txt': 'just ${text}\n',
      e: { content: 'e=1', type: 'properties' },
      f: 'f: yml is the default',
    })
    await remote.load()
    expect(store.get('', 'remote')).toEqual({
      a: 2,
      b: { id: '12345678901234567890', l: [true, null] },
      c: { port: 9202, list: ['x', 'y'], umlaut: 'ü' },
      d: { txt: 'just ${text}\n' },
      e: 1,
      f: 'yml is the default',
    })
    expect(store.explain('c.port').origin).toMatchObject({ document: 'c.properties', line: 2 })
  })

  test('J: a data id without an extension that Nacos calls text is read by file-extension, or is one text', async () => {
    const { remote, store } = remoteOf('cloud.nacos.config.shared-configs: [a, banner]', {
      a: { content: 'a: { b: 1 }', type: 'text' },
      banner: { content: 'Welcome to ${shop}!', type: 'text' },
    })
    await remote.load()
    expect(store.get('', 'remote')).toEqual({ a: { b: 1 }, banner: 'Welcome to ${shop}!' })
  })

  test.each(['yml', 'json', 'properties', 'txt'])('a byte order mark before %s is no part of it', async (extension) => {
    const content = { yml: 'a: 1', json: '{"a":1}', properties: 'a=1\nb=2', txt: '1' }[extension]
    const { remote, store } = remoteOf(`cloud.nacos.config.shared-configs: [a.${extension}]`, {
      [`a.${extension}`]: `\ufeff${content}`,
    })
    await remote.load()
    expect(String(store.get(extension === 'txt' ? 'a.txt' : 'a'))).toBe('1')
  })

  test('placeholders see every layer; a missing one is named once', async () => {
    const { remote, store, lines, push } = remoteOf(
      `${ORDERS}local: l`,
      {
        'orders.yml': 'r: r\nx: ${r}${local}${HOST_NAME}${application.name}\ny: ${nope}',
      },
      { vars: { HOST_NAME: 'h' } },
    )
    await remote.load()
    expect([store.get('x'), store.get('y')]).toEqual(['rlhorders', '${nope}'])
    push('orders.yml', 'r: r2\n \ny: ${nope}')
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn orders.yml:3:4: ${nope} has no value and no default (used in y); it stays as written',
    ])
  })
})

describe('what goes wrong at the start', () => {
  const error = async (yaml: string, documents: Record<string, Answer>) => {
    const made = remoteOf(yaml, documents)
    const failure = await made.remote.load().then(
      () => undefined,
      (reason: unknown) => reason as SidecarError,
    )
    return { ...made, failure }
  }

  test('a required import that is not there', async () => {
    const { failure } = await error('spring.config.import: ["nacos:must.yml?group=G"]', {})
    expect(failure).toMatchObject({
      code: 'SIDECAR_CONFIG_NOT_FOUND',
      message: expect.stringContaining('must.yml (G)'),
    })
  })

  test('a missing optional one is not logged', async () => {
    expect((await error('spring.config.import: ["optional:nacos:must.yml"]', {})).failure).toBeUndefined()
  })

  test('bad YAML names the data id and the line, and is an error with fail-fast', async () => {
    const { failure } = await error(FAIL_FAST, { 'orders.yml': 'a: 1\n\tb: 2' })
    expect(failure).toMatchObject({
      code: 'SIDECAR_CONFIG_INVALID',
      message: expect.stringContaining('orders.yml:2:1: tab'),
    })
  })

  test('a document that is too large', async () => {
    const { failure } = await error(`${FAIL_FAST}cloud.nacos.config.max-bytes: 10`, { 'orders.yml': 'a: 1234567890' })
    expect(failure).toMatchObject({
      code: 'SIDECAR_CONFIG_TOO_LARGE',
      message: expect.stringContaining('orders.yml has 13 bytes'),
    })
  })

  test('K25: a registry that does not answer is one line, however many documents it keeps away, and one when it is over', async () => {
    const { lines, push } = await error(
      `${ORDERS}cloud.nacos.config.shared-configs: [{ data-id: a.yml, refresh: true }, { data-id: b.yml, refresh: true }]`,
      { 'orders.yml': down(), 'orders-dev.yml': down(), 'a.yml': down(), 'b.yml': down() },
    )
    const errors = () => lines.filter((line) => line.startsWith('error '))
    expect(errors()).toEqual([
      expect.stringMatching(
        /^error \d configs could not be loaded \(.*a\.yml.*b\.yml.*orders\.yml.*\): .*connection refused.*They are left out; the documents of Nacos are applied when the registry is back$/,
      ),
    ])
    expect(lines.filter((line) => /^debug config \S+ could not be loaded/.test(line)).length).toBeGreaterThan(3)
    const over = () => lines.filter((line) => line.includes('every config that could not be loaded'))
    for (const name of ['orders.yml', 'orders-dev.yml', 'a.yml']) push(name, 'late: true')
    expect(over()).toEqual([])
    push('b.yml', 'late: true')
    expect(over()).toHaveLength(1)
  })

  test('a registry that does not answer is logged, and is not "absent"', async () => {
    const { failure, lines, remote, store, push, changes } = await error(ORDERS, {
      'orders.yml': down(),
      'orders-dev.yml': 'a: 1',
    })
    expect(failure).toBeUndefined()
    expect(lines).toContainEqual(
      expect.stringMatching(/^error config orders\.yml could not be loaded: connection refused/),
    )
    expect(remote.documents()[1]).toMatchObject({ dataId: 'orders.yml', state: 'failed' })
    expect(store.get('a')).toBe(1)
    push('orders.yml', 'late: true')
    expect(store.get('late')).toBe(true)
    expect(changes).toEqual([['late']])
  })

  test.each([
    ['of one document', `${ORDERS}cloud.nacos.config.extension-configs: [{ data-id: fixed.yml, refresh: false }]`],
    ['of all', `${ORDERS}cloud.nacos.config: { refresh-enabled: false, extension-configs: [fixed.yml] }`],
  ])(
    'with refresh switched off %s, what Nacos holds is applied once it is heard, and then left alone',
    async (_, yaml) => {
      const { remote, store, push, listeners, changes } = remoteOf(yaml, { 'fixed.yml': down() })
      await remote.load()
      push('fixed.yml', 'a: [')
      expect(store.get('a')).toBeUndefined()
      push('fixed.yml', 'a: 1')
      expect(store.get('a')).toBe(1)
      expect(changes).toEqual([['a']])
      expect(remote.documents()[0]).toMatchObject({ dataId: 'fixed.yml', state: 'loaded', refresh: false })
      expect([...listeners.keys()]).not.toContain('fixed.yml')
    },
  )

  test('with a required import too: not asked is not "not found"', async () => {
    const { failure } = await error('spring.config.import: ["nacos:must.yml"]', { 'must.yml': down() })
    expect(failure).toBeUndefined()
  })

  test('fail-fast makes it an error', async () => {
    const { failure } = await error(FAIL_FAST, { 'orders.yml': down() })
    expect(failure).toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('orders.yml'),
    })
  })

  test('a registry that hangs delays the start no longer than the timeout', async () => {
    const { remote, lines, store } = remoteOf(`${ORDERS}cloud.nacos.config.timeout: 60ms`, {
      'orders.yml': 'hang',
      'orders-dev.yml': 'a: 1',
    })
    const loaded = remote.load()
    setImmediate(collectGarbage)
    await loaded
    expect(lines).toContainEqual(expect.stringContaining('no answer within 60 ms'))
    expect(store.get('a')).toBe(1)
  })

  test('an abort of the caller ends the pull', async () => {
    const { remote } = remoteOf(ORDERS, { 'orders.yml': 'hang' })
    const controller = new AbortController()
    const pulled = remote.load(controller.signal)
    controller.abort()
    await expect(pulled).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
  })
})

describe('changes', () => {
  test('are applied at once and announced with their keys', async () => {
    const { remote, store, push, changes } = remoteOf(ORDERS, { 'orders.yml': 'a: 1\nb: 1', 'orders-dev.yml': 'b: 2' })
    await remote.load()
    push('orders.yml', 'a: 2\nb: 9')
    expect([store.get('a'), store.get('b')]).toEqual([2, 2])
    push('orders.yml', 'a: 2\nb: 9')
    expect(changes).toEqual([['a']])
  })

  test('bad YAML keeps the old document whole, with one alert', async () => {
    const { remote, store, push, changes, lines } = remoteOf(ORDERS, { 'orders.yml': 'a: 1\nb: 1' })
    await remote.load()
    push('orders.yml', 'a: 2\nb: [')
    push('orders.yml', 'a: 2\nb: [')
    expect(store.get('', 'remote')).toEqual({ a: 1, b: 1 })
    expect(changes).toEqual([])
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([expect.stringContaining('orders.yml:2:')])
    push('orders.yml', 'a: 3')
    expect(changes).toEqual([['a', 'b']])
  })

  test.each([
    ['taken back', 'a: 1'],
    ['deleted', undefined],
  ])('bad YAML that was %s meanwhile is an alert again', async (_, between) => {
    const { remote, push, lines } = remoteOf(ORDERS, { 'orders.yml': 'a: 1' })
    await remote.load()
    const errors = () => lines.filter((line) => line.startsWith('error')).length
    push('orders.yml', 'a: [')
    push('orders.yml', between)
    expect(errors()).toBe(1)
    push('orders.yml', 'a: [')
    expect(errors()).toBe(2)
  })

  test.each([
    ['keep', 1, 'deleted', 0],
    ['clear', undefined, 'absent', 1],
  ])('a deleted document, policy %s', async (policy, value, state, events) => {
    const { remote, store, push, changes } = remoteOf(`${ORDERS}cloud.nacos.config.on-delete: ${policy}`, {
      'orders.yml': 'a: 1',
    })
    await remote.load()
    push('orders.yml', undefined)
    push('orders.yml', undefined)
    expect(store.get('a')).toBe(value)
    expect(changes).toHaveLength(events)
    expect(remote.documents()[1]).toMatchObject({ state })
  })

  test('are asked for where the transport has no watch', async () => {
    const { remote, store, documents, asked } = remoteOf(
      `${ORDERS}sidecar.poll-interval: 20ms`,
      { 'orders.yml': 'a: 1' },
      { watching: false },
    )
    await remote.load()
    documents['orders.yml'] = down()
    await vi.waitFor(() => expect(asked.filter((name) => name === 'orders.yml').length).toBeGreaterThan(2))
    expect(store.get('a')).toBe(1)
    documents['orders.yml'] = 'a: 2'
    await vi.waitFor(() => expect(store.get('a')).toBe(2))
    remote.close()
  })

  test('after close nothing is heard', async () => {
    const { remote, listeners } = remoteOf(ORDERS, { 'orders.yml': 'a: 1' })
    await remote.load()
    expect(listeners.size).toBe(4)
    remote.close()
    expect(listeners.size).toBe(0)
  })
})

describe('where an imported document stands', () => {
  const files = {
    'application.yml': `spring:
  application: { name: orders }
  profiles: { active: dev }
  config: { import: ["nacos:a.yaml", "nacos:b.yaml"] }
where: application.yml
a: application.yml
b: application.yml
dev: application.yml
later: application.yml
---
later: application.yml, second document
`,
    'application-dev.yml': 'dev: application-dev.yml',
  }
  const documents = {
    'a.yaml': 'where: a.yaml\na: a.yaml\nb: a.yaml\ndev: a.yaml\nlater: a.yaml',
    'b.yaml': 'b: b.yaml',
  }
  const values = async (local: Record<string, string>, vars: Record<string, string> = {}) => {
    const one = remoteOf(local, documents, { vars })
    await one.remote.load()
    return { ...one, get: (...keys: string[]) => keys.map((key) => one.store.get(key)) }
  }

  test('J2: just above the document that imports it, below what is more special', async () => {
    const { get, store } = await values(files)
    expect(get('where', 'a', 'b')).toEqual(['a.yaml', 'a.yaml', 'b.yaml'])
    expect(get('later', 'dev')).toEqual(['application.yml, second document', 'application-dev.yml'])
    const { origin, shadows } = store.explain('dev')
    expect(origin).toMatchObject({ layer: 'local', document: 'application-dev.yml', line: 1 })
    expect(shadows).toMatchObject([
      { layer: 'remote', document: 'a.yaml', value: 'a.yaml' },
      { layer: 'local', document: 'application.yml', value: 'application.yml' },
    ])
    expect(store.get('dev', 'local')).toBe('application-dev.yml')
    expect(store.get('dev', 'remote')).toBe('a.yaml')
  })

  test('J2: one that a profile file imports stands above that file', async () => {
    const { get } = await values({
      'application.yml': 'spring.profiles.active: dev\nwhere: application.yml\ndev: application.yml',
      'application-dev.yml': 'spring.config.import: nacos:a.yaml\ndev: application-dev.yml',
    })
    expect(get('dev')).toEqual(['a.yaml'])
  })

  test('J2: one of the environment above every file, and below the environment', async () => {
    const vars = { SPRING_CONFIG_IMPORT: 'nacos:a.yaml', LATER: 'environment' }
    const { get } = await values(
      { ...files, 'application.yml': files['application.yml'].replace(/.*import.*\n/, '') },
      vars,
    )
    expect(get('dev', 'later')).toEqual(['a.yaml', 'environment'])
  })

  test.each([
    ['of all', { 'application.yml': `spring.cloud.nacos.config.preference: remote\n${files['application.yml']}` }],
    [
      'of one',
      { 'application.yml': files['application.yml'].replace('nacos:a.yaml', 'nacos:a.yaml?preference=remote') },
    ],
  ])('J2: above the files for a profile where remote is preferred: %s', async (_whose, changed) => {
    const { get } = await values({ ...files, ...changed })
    expect(get('dev', 'where', 'b')).toEqual(['a.yaml', 'a.yaml', _whose === 'of all' ? 'b.yaml' : 'a.yaml'])
  })

  test('J2: without an import, above every local file', async () => {
    const { get } = await values({
      'bootstrap.yml': 'spring.cloud.nacos.config.shared-configs: [a.yaml]',
      ...files,
      'application.yml': files['application.yml'].replace(/.*import.*\n/, ''),
    })
    expect(get('dev', 'later', 'b')).toEqual(['a.yaml', 'a.yaml', 'a.yaml'])
  })

  test('J2: a change of it is applied in its place', async () => {
    const { get, push, changes } = await values(files)
    push('a.yaml', 'where: again\ndev: again')
    expect(get('where', 'a', 'dev')).toEqual(['again', 'application.yml', 'application-dev.yml'])
    expect(changes[0]).not.toContain('dev')
  })
})

describe('the words of an import', () => {
  const said = async (location: string) => {
    const { remote, lines, asked } = remoteOf(
      { 'application.yml': `spring.config.import: "${location}"` },
      {
        'a.yml': '',
        'b.yml': '',
      },
    )
    await remote.load()
    return { asked, warnings: lines.filter((line) => line.startsWith('warn')) }
  }

  test('C6: a parameter that is not known is named', async () => {
    const { warnings } = await said('nacos:a.yml?namespace=x&refresh=false&gruop=G')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(
      /nacos:a\.yml\?namespace=x.*parameter namespace is ignored: .*cloud\.nacos\.config\.namespace/,
    )
    expect(warnings[0]).toMatch(/parameter refresh is ignored: did you mean refreshEnabled\?/)
    expect(warnings[0]).toMatch(/parameter gruop is ignored: did you mean group\?/)
  })

  test('C6: a value that is no value is named', async () => {
    const { warnings } = await said('nacos:a.yml?refreshEnabled=flase&preference=both')
    expect(warnings[0]).toMatch(/refreshEnabled is "flase".*preference is "both"/)
  })

  test('C6: what is known is no warning', async () => {
    expect((await said('optional:nacos:a.yml?group=G&refreshEnabled=TRUE&preference=LOCAL')).warnings).toEqual([])
  })

  test('C6: a semicolon separates, as a comma does', async () => {
    expect((await said('nacos:a.yml;nacos:b.yml')).asked).toEqual(['a.yml', 'b.yml'])
    expect((await said('nacos:a.yml,optional:nacos:c.yml;nacos:b.yml')).asked).toEqual(['a.yml', 'c.yml', 'b.yml'])
  })
})

describe('the documents that are followed', () => {
  const followed = async (yaml: string) => {
    const { remote, lines } = remoteOf(`application.name: orders\n${yaml}`, {})
    await remote.load()
    const named = remote.documents().map(({ dataId, group, refresh }) => `${group}/${dataId}${refresh ? '*' : ''}`)
    const own = ['DEFAULT_GROUP/orders*', 'DEFAULT_GROUP/orders.yml*']
    return {
      named: named.filter((name) => !own.includes(name)),
      notes: lines.filter((line) => /not followed/.test(line)),
    }
  }

  test('J7: shared and extension configs by their `refresh`, false where it is left out, and said once', async () => {
    const { named, notes } = await followed(`cloud.nacos.config:
  shared-configs: [plain.yml, { data-id: left-out.yml }, { data-id: yes.yml, refresh: true }, { data-id: no.yml, refresh: false }]
  extension-configs: [{ data-id: ext.yml }]`)
    expect(named.map((name) => name.replace('DEFAULT_GROUP/', ''))).toEqual([
      'plain.yml',
      'left-out.yml',
      'yes.yml*',
      'no.yml',
      'ext.yml',
    ])
    expect(notes).toEqual([
      'info changes of plain.yml, left-out.yml, ext.yml are not followed, as in Spring: set refresh: true beside the data id, or sidecar.refresh-all: true',
    ])
  })

  test('J7: with sidecar.refresh-all all that do not say no', async () => {
    const { named, notes } = await followed(`sidecar.refresh-all: true
cloud.nacos.config.shared-configs: [plain.yml, { data-id: no.yml, refresh: false }]`)
    expect(named).toEqual(['DEFAULT_GROUP/plain.yml*', 'DEFAULT_GROUP/no.yml'])
    expect(notes).toEqual([])
  })

  test('J7: imports, unless they or refresh-enabled say no', async () => {
    const imports = 'spring.config.import: ["optional:nacos:a.yml", "optional:nacos:b.yml?refreshEnabled=false"]\n'
    expect((await followed(imports)).named).toEqual(['DEFAULT_GROUP/a.yml*', 'DEFAULT_GROUP/b.yml'])
    const off = await followed(`${imports}cloud.nacos.config.refresh-enabled: false`)
    expect(off.named).toEqual(['DEFAULT_GROUP/a.yml', 'DEFAULT_GROUP/b.yml'])
  })

  test('J7: one that is named twice is followed where either says so', async () => {
    const { named } = await followed('cloud.nacos.config.shared-configs: [orders.yml]')
    expect(named).toEqual([])
  })

  test('C4: shared-dataids and refreshable-dataids, as text', async () => {
    const { named } = await followed(`cloud.nacos.config:
  group: G
  shared-dataids: a.properties, b.properties
  refreshable-dataids: b.properties
  prefix: orders`)
    expect(named.slice(0, 2)).toEqual(['DEFAULT_GROUP/a.properties', 'DEFAULT_GROUP/b.properties*'])
    expect(named.slice(2)).toEqual(['G/orders*', 'G/orders.yml*'])
  })

  test('C4: refreshable-dataids alone are pulled, and of shared-configs they are followed', async () => {
    expect((await followed('cloud.nacos.config.refreshable-dataids: a.yml,b.yml')).named).toEqual([
      'DEFAULT_GROUP/a.yml*',
      'DEFAULT_GROUP/b.yml*',
    ])
    const beside = await followed(`cloud.nacos.config:
  shared-configs: [{ data-id: a.yml }, { data-id: a.yml, group: G }]
  refreshable-dataids: a.yml`)
    expect(beside.named).toEqual(['DEFAULT_GROUP/a.yml*', 'G/a.yml'])
  })

  test('C4: ext-config with group and refresh; extension-configs are read in its place', async () => {
    const old = 'cloud.nacos.config: { ext-config: [{ data-id: a.yml }, { data-id: b.yml, group: G, refresh: true }] }'
    expect((await followed(old)).named).toEqual(['DEFAULT_GROUP/a.yml', 'G/b.yml*'])
    const both = old.replace('ext-config', 'extension-configs: [{ data-id: n.yml }], ext-config')
    expect((await followed(both)).named).toEqual(['DEFAULT_GROUP/n.yml'])
  })

  test('C4: the old names in .properties and in the environment', async () => {
    const properties = {
      'bootstrap.properties': [
        'spring.application.name=orders',
        'spring.cloud.nacos.config.ext-config[0].data-id=a.yml',
        'spring.cloud.nacos.config.ext-config[0].group=G',
        'spring.cloud.nacos.config.ext-config[0].refresh=true',
      ].join('\n'),
    }
    const { remote, warnings } = remoteOf(
      properties,
      {},
      { vars: { SPRING_CLOUD_NACOS_CONFIG_SHAREDDATAIDS: 's.yml' } },
    )
    await remote.load()
    expect(warnings).toEqual([])
    expect(remote.documents().slice(0, 2)).toMatchObject([
      { dataId: 's.yml', group: 'DEFAULT_GROUP', refresh: false },
      { dataId: 'a.yml', group: 'G', refresh: true },
    ])
  })
})
