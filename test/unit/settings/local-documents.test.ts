import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { planDocuments } from '../../../src/config/remote-plan.js'
import { loadSettings, type LoadOptions } from '../../../src/settings/load.js'
import { activeProfiles } from '../../../src/properties/profiles.js'
import { loadBootstrap, loadError } from '../../support/bootstrap.js'
import { tempFolder } from '../../support/temp-folder.js'

type Files = Record<string, string>

/** The values of some keys, in one line. */
function read(files: Files, keys: string, options: LoadOptions & { vars?: Record<string, string> } = {}) {
  const { store } = loadBootstrap(files, options)
  return keys.split(' ').map((key) => store.get(key))
}

describe('the files that are found', () => {
  test('J5: application.yml alone', () => {
    const { settings, file } = loadBootstrap({
      'application.yml': 'spring.application.name: orders\nserver.port: 9202',
    })
    expect(settings.application.name).toBe('orders')
    expect(settings.server.port).toBe(9202)
    expect(file).toMatch(/application\.yml$/)
  })

  test('J5: beside bootstrap.yml, which is the weaker; files for a profile are stronger than both', () => {
    const files = {
      'bootstrap.yml': 'spring.profiles.active: dev\na: bootstrap\nb: bootstrap\nc: bootstrap\nd: bootstrap',
      'bootstrap-dev.yml': 'b: bootstrap-dev\nc: bootstrap-dev\nd: bootstrap-dev',
      'application.yml': 'c: application\nd: application',
      'application-dev.yml': 'd: application-dev',
    }
    expect(read(files, 'a b c d')).toEqual(['bootstrap', 'bootstrap-dev', 'application', 'application-dev'])
    expect(
      loadBootstrap(files)
        .store.explain('d')
        .shadows.map(({ document }) => document),
    ).toEqual(['application.yml', 'bootstrap-dev.yml', 'bootstrap.yml'])
  })

  test('C5: .properties, .yml and .yaml of both names, the properties the strongest', () => {
    const files = {
      'bootstrap.properties': 'spring.application.name=orders\nspring.profiles.active=dev\na=bootstrap.properties',
      'application.yaml': 'b: yaml\nc: yaml\nd: yaml',
      'application.yml': 'c: yml\nd: yml',
      'application.properties': 'd=properties\ne=properties\nf=\\u0066',
      'application-dev.properties': 'e=dev properties',
    }
    expect(read(files, 'application.name a b c d e f')).toEqual([
      'orders',
      'bootstrap.properties',
      'yaml',
      'yml',
      'properties',
      'dev properties',
      'f',
    ])
  })

  test('C5: a properties file may have several parts, for some profiles each', () => {
    const files = {
      'application.properties': [
        'spring.profiles.active=dev',
        'a=all',
        '#---',
        'spring.config.activate.on-profile=dev',
        'a=dev',
        '!---',
        'spring.config.activate.on-profile=prod',
        'a=prod',
      ].join('\n'),
    }
    expect(read(files, 'a')).toEqual(['dev'])
    expect(loadBootstrap(files).store.explain('a').origin).toMatchObject({ line: 5 })
    expect(read(files, 'a', { vars: { SPRING_PROFILES_ACTIVE: 'prod' } })).toEqual(['prod'])
  })

  test('J5: in ./config and the folders in it, which are stronger', () => {
    const files = {
      'application.yml': 'spring.profiles.active: dev\na: 1\nb: 1\nc: 1\nd: 1',
      'application-dev.yml': 'd: profile file',
      'config/application.yml': 'b: 2\nc: 2\nd: 2',
      'config/orders/application.properties': 'c=3\nd=3',
      'config/bootstrap.yml': 'a: 0\ne: 0',
    }
    expect(read(files, 'a b c d e')).toEqual([1, 2, 3, 'profile file', 0])
    expect(read({ 'config/application.yaml': 'a: 1' }, 'a')).toEqual([1])
  })

  test("J5: a folder with bootstrap.yml counts before one with application.yml; the main script's package is the last", () => {
    const root = tempFolder({
      'cwd/application.yml': 'where: cwd',
      'app/package.json': '{}',
      'app/src/main.js': '',
      'app/bootstrap.properties': 'where=app',
      'other/package.json': '{}',
      'other/main.js': '',
      'other/application.yml': 'where: other',
      'empty/x': '',
    })
    const where = (cwd: string, main: string) =>
      loadSettings({ cwd: join(root, cwd), main: join(root, main), env: {}, argv: [] }).store.get('where')
    expect(where('cwd', 'app/src/main.js')).toBe('app')
    expect(where('cwd', 'other/main.js')).toBe('cwd')
    expect(where('empty', 'other/main.js')).toBe('other')
  })

  test('J5: a path leads to one file, and of a bootstrap file to those beside it', () => {
    const files = {
      'conf/bootstrap.yml': 'a: bootstrap\nspring.profiles.active: dev',
      'conf/bootstrap-dev.yaml': 'b: bootstrap-dev',
      'conf/application.yml': 'c: application',
      'conf/mine.yml': 'a: mine',
      'application.yml': 'd: outside',
    }
    expect(read(files, 'a b c d', { configPath: 'conf/bootstrap.yml' })).toEqual([
      'bootstrap',
      'bootstrap-dev',
      'application',
      undefined,
    ])
    expect(read(files, 'a b c d', { configPath: 'conf' })).toEqual([
      'bootstrap',
      'bootstrap-dev',
      'application',
      undefined,
    ])
    expect(read(files, 'a c d', { configPath: 'conf/mine.yml' })).toEqual(['mine', undefined, undefined])
    expect(read(files, 'a c d', { configPath: false })).toEqual([undefined, undefined, undefined])
  })

  test('C5: spring.config.location, additional-location and name, from outside the files', () => {
    const files = {
      'application.yml': 'a: usual\nb: usual',
      'orders.yml': 'a: by name',
      'etc/application.yml': 'b: etc',
      'etc/application-dev.yml': 'b: etc dev',
      'one.properties': 'b=one',
    }
    const at = (vars: Record<string, string>) => read(files, 'a b', { vars })
    expect(at({ SPRING_CONFIG_ADDITIONALLOCATION: 'file:./etc/' })).toEqual(['usual', 'etc'])
    expect(at({ SPRING_CONFIG_ADDITIONAL_LOCATION: './etc/,./one.properties' })).toEqual(['usual', 'one'])
    expect(at({ SPRING_CONFIG_LOCATION: 'file:./etc/;optional:file:./none/' })).toEqual([undefined, 'etc'])
    expect(at({ SPRING_CONFIG_LOCATION: './etc/', SPRING_PROFILES_ACTIVE: 'dev' })).toEqual([undefined, 'etc dev'])
    expect(read(files, 'a', { argv: ['--spring.config.name=orders'] })).toEqual(['by name'])
    // No words of Spring's: an app's own variables.
    expect(at({ CONFIG_LOCATION: './etc/', CONFIG_NAME: 'orders' })).toEqual(['usual', 'usual'])
    expect(loadError(files, { vars: { SPRING_CONFIG_LOCATION: './nowhere/' } })).toMatchObject({
      code: 'SIDECAR_SETTINGS_NOT_FOUND',
      message: expect.stringMatching(/spring\.config\.location: \.\/nowhere\/ was not found; looked for .*nowhere/),
    })
  })

  test('K26: without any, the message says what to write', () => {
    const error = loadError({ x: '' })
    expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_NOT_FOUND' })
    expect(error.message).toMatch(
      /bootstrap\.yml was not found; looked for .*application\.properties, .*nacos\.yaml\.\n/,
    )
    const written = error.message.split('\n').slice(2).join('\n')
    const { settings } = loadBootstrap(written)
    expect(settings.application.name).toBe('my-service')
    expect(settings.cloud.nacos.serverAddr).toBe('127.0.0.1:8848')
  })
})

describe('SPRING_APPLICATION_JSON', () => {
  const json = JSON.stringify({
    'server.port': 7,
    spring: { application: { name: 'json' }, cloud: { nacos: { discovery: { metadata: { a: '1' } } } } },
    list: [1, { x: 2 }],
    off: false,
  })
  const files = { 'bootstrap.yml': 'server.port: 1\nspring.application.name: file\nlist: [9, 9, 9]' }

  test('C5: stronger than files and single variables, weaker than arguments and code', () => {
    const vars = { SPRING_APPLICATION_JSON: json, SERVER_PORT: '5', OFF: 'true' }
    const { settings, store } = loadBootstrap(files, { vars })
    expect(settings.server.port).toBe(7)
    expect(settings.application.name).toBe('json')
    expect(settings.cloud.nacos.discovery.metadata).toEqual({ a: '1' })
    expect([store.get('list'), store.get('off')]).toEqual([[1, { x: 2 }], false])
    expect(store.explain('server.port')).toMatchObject({
      origin: { layer: 'application json', document: 'SPRING_APPLICATION_JSON' },
      shadows: [{ layer: 'environment' }, { layer: 'local', value: 1 }],
    })
    expect(read(files, 'server.port', { vars, argv: ['--server.port=8'] })).toEqual([8])
    expect(read(files, 'server.port', { vars, argv: ['--server.port=8'], overrides: { server: { port: 9 } } })).toEqual(
      [9],
    )
  })

  test('J6: as an argument too, which is the stronger', () => {
    const vars = { SPRING_APPLICATION_JSON: json }
    expect(read(files, 'server.port', { vars, argv: ['--spring.application.json={"server":{"port":3}}'] })).toEqual([3])
  })

  test('C5: alone is enough of a configuration, and may say which profile is active', () => {
    const vars = { SPRING_APPLICATION_JSON: '{"spring.application.name":"alone"}' }
    expect(loadBootstrap({ x: '' }, { vars }).settings.application.name).toBe('alone')
    const dev = { 'application.yml': 'a: 1', 'application-dev.yml': 'a: 2' }
    expect(read(dev, 'a', { vars: { SPRING_APPLICATION_JSON: '{"spring":{"profiles":{"active":"dev"}}}' } })).toEqual([
      2,
    ])
  })

  test.each(['{"spring": {"password": "hunter2"}', '["a"]', '7'])(
    'C5: %s is an error that names it, and no value',
    (text) => {
      const error = loadError(files, { vars: { SPRING_APPLICATION_JSON: text } })
      expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_SYNTAX' })
      expect(error.message).toMatch(/^SPRING_APPLICATION_JSON: it is not (?:a )?JSON/)
      expect(error.message).not.toContain('hunter2')
    },
  )
})

describe('groups of profiles', () => {
  const files = {
    'application.yml': `
spring:
  application.name: orders
  profiles:
    active: prod
    group:
      prod: [proddb, prodmq]
      prodmq: amqp
      amqp: prod
db: none
---
spring.config.activate.on-profile: amqp
mq: amqp document
`,
    'application-proddb.yml': 'db: proddb',
    'application-prodmq.yml': 'mq: prodmq',
  }

  test('J4: bring their members, and those of their members, local and remote', () => {
    const { store, settings } = loadBootstrap(files)
    expect([store.get('db'), store.get('mq')]).toEqual(['proddb', 'prodmq'])
    expect(planDocuments(settings, '', store).references.map(({ dataId }) => dataId)).toEqual([
      'orders',
      'orders.yml',
      'orders-prod.yml',
      'orders-proddb.yml',
      'orders-prodmq.yml',
      'orders-amqp.yml',
    ])
  })

  test('J4: as text, in an environment variable and in properties', () => {
    const plain = { 'application.yml': 'db: none', 'application-b.yml': 'db: b' }
    const vars = { SPRING_PROFILES_ACTIVE: 'a', SPRING_PROFILES_GROUP_A: 'b,c' }
    const { store, settings } = loadBootstrap(plain, { vars })
    expect(store.get('db')).toBe('b')
    expect(settings.profiles.group).toEqual({ a: ['b', 'c'] })
    const byIndex = { SPRING_PROFILES_ACTIVE: 'a', SPRING_PROFILES_GROUP_A_0: 'c', SPRING_PROFILES_GROUP_A_1: 'b' }
    expect(read(plain, 'db', { vars: byIndex })).toEqual(['b'])
    const properties = { 'application.properties': 'spring.profiles.active=a\nspring.profiles.group.a[0]=b\n' }
    expect(read({ ...properties, 'application-b.yml': 'db: b' }, 'db')).toEqual(['b'])
  })

  test('J4: a member that is active itself counts once, where it stands first', () => {
    const two = {
      'application.yml': 'spring.profiles: { active: "dev,debug", group: { dev: debug } }',
      'application-dev.yml': 'a: dev',
      'application-debug.yml': 'a: debug',
    }
    expect(read(two, 'a')).toEqual(['debug'])
  })
})

describe('files that are imported', () => {
  test('J5: stand just above the document that imports them, with theirs for a profile', () => {
    const files = {
      'application.yml': `spring:
  profiles.active: dev
  config.import: [optional:file:./extra.yml, "classpath:more.properties", optional:file:./none.yml]
a: application
b: application
c: application
d: application
---
d: second document
`,
      'extra.yml': 'a: extra\nb: extra\nd: extra\nspring.config.import: deeper/deep.yml',
      'extra-dev.yml': 'b: extra-dev',
      'deeper/deep.yml': 'a: deep\ne: deep\nspring.config.import: sibling.yml',
      'deeper/sibling.yml': 'f: sibling',
      'more.properties': 'c=more',
    }
    expect(read(files, 'a b c d e f')).toEqual(['deep', 'extra-dev', 'more', 'second document', 'deep', 'sibling'])
  })

  test('J5: classpath: is beside the main file, file: the working directory', () => {
    const root = tempFolder({
      'app/package.json': '{}',
      'app/dist/main.js': '',
      'app/dist/extra.yml': 'a: beside main',
      'cwd/application.yml': 'spring.config.import: [classpath:/extra.yml, file:extra.yml]',
      'cwd/extra.yml': 'b: working directory',
    })
    const { store } = loadSettings({ cwd: join(root, 'cwd'), main: join(root, 'app/dist/main.js'), env: {}, argv: [] })
    expect([store.get('a'), store.get('b')]).toEqual(['beside main', 'working directory'])
  })

  test('J5: a folder, a hint in place of an extension, and a tree of keys', () => {
    const files = {
      'application.yml':
        'spring.config.import: [file:./etc/, "file:./plain[.properties]", "optional:configtree:./secrets/"]',
      'etc/application.yml': 'a: etc',
      plain: 'b=plain',
      'secrets/db/password': 'hunter2\n',
      'secrets/..data/db/password': 'not this one',
    }
    expect(read(files, 'a b db.password')).toEqual(['etc', 'plain', 'hunter2'])
  })

  test('C2: a key of a tree that no document may have is refused, and names its file', () => {
    const error = loadError({
      'application.yml': 'spring.config.import: "configtree:./secrets/"',
      'secrets/__proto__/admin': 'true',
    })
    expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_UNREADABLE' })
    expect(error.message).toMatch(/secrets\/__proto__\/admin/)
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  test('C9: profile groups that follow each other in a chain of 20,000', () => {
    const group = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`p${n}`, [`p${n + 1}`]]))
    expect(activeProfiles({ include: [], active: ['p0'], group })).toHaveLength(20_001)
  })

  test('J5: placeholders in an import see what is known so far, profiles too', () => {
    const files = {
      'application.yml': 'spring: { application.name: orders, config.import: "file:./${spring.application.name}.yml" }',
      'orders.yml': 'a: 1',
    }
    expect(read(files, 'a')).toEqual([1])
  })

  test('J5: a missing one is an error that names the place, and what would do', () => {
    const error = loadError({ 'application.yml': 'a: 1\nspring.config.import: file:./none.yml' })
    expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_NOT_FOUND' })
    expect(error.message).toMatch(
      /^application\.yml:2:23: config\.import: file:\.\/none\.yml was not found; looked for \/.*\/none\.yml.*optional:file:/,
    )
  })

  test('J5: files that import each other are read once', () => {
    const files = {
      'application.yml': 'spring.config.import: b.yml\na: 1',
      'b.yml': 'spring.config.import: application.yml\na: 2',
    }
    expect(read(files, 'a')).toEqual([2])
  })

  test('J5: what cannot be read there is an error of that file', () => {
    const error = loadError({ 'application.yml': 'spring.config.import: b.yml', 'b.yml': 'a: [' })
    expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_SYNTAX', message: expect.stringMatching(/^b\.yml:/) })
  })
})
