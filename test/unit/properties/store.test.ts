import { describe, expect, test } from 'vitest'
import type { PropertyDocument } from '../../../src/properties/document.js'
import { readDocument } from '../../../src/properties/formats.js'
import { readYaml } from '../../../src/properties/yaml.js'
import { loadBootstrap } from '../../support/bootstrap.js'

const remote = (name: string, yaml: string): PropertyDocument => ({
  name,
  layer: 'remote',
  entries: readYaml(yaml, name).flat(),
})

const LOCAL = 'db: { url: local, password: canary, pool-size: 5 }\nonly-local: 1\nname: ${db.url}\n'

describe('look-up', () => {
  test('environment > remote > local', () => {
    const { store } = loadBootstrap(LOCAL, { vars: { DB_URL: 'env' } })
    store.setRemote([remote('a.yml', 'db: { url: remote, pool-size: 9 }')])
    expect([store.get('db.url'), store.get('db.url', 'local'), store.get('db.url', 'remote')]).toEqual([
      'env',
      'env',
      'remote',
    ])
    expect([store.get('db.poolSize'), store.get('db.poolSize', 'local'), store.get('db.pool_size')]).toEqual([9, 5, 9])
    expect(store.get('only-local', 'remote')).toBeUndefined()
  })

  test('subtrees are merged, with the environment in them, and frozen', () => {
    const { store } = loadBootstrap(LOCAL, { vars: { DB_POOL_SIZE: '7' } })
    store.setRemote([remote('a.yml', 'db: { url: remote, hosts: [x, y] }')])
    const db = store.get('db')
    expect(db).toEqual({ url: 'remote', password: 'canary', 'pool-size': 7, hosts: ['x', 'y'] })
    expect(Object.isFrozen(db)).toBe(true)
    expect(store.get('db.hosts[1]')).toBe('y')
    expect(store.get('db.hosts.0')).toBe('x')
    expect(store.get('nothing.at.all')).toBeUndefined()
  })

  test('a Map and a Set of code are read like an object and a list; a URL and a RegExp as text', () => {
    const settings = {
      db: new Map<string, unknown>([
        ['url', new URL('http://db/x')],
        ['hosts', new Set(['a', 'b'])],
      ]),
      pattern: /^a$/,
    }
    const { store } = loadBootstrap('', { overrides: settings })
    expect(store.get('db')).toEqual({ url: 'http://db/x', hosts: ['a', 'b'] })
    expect(store.get('pattern')).toBe('/^a$/')
  })

  test('a variable replaces a list as a whole', () => {
    const { store } = loadBootstrap('l: [1, 2]\no: { l: [a] }', { vars: { L: 'x,y', O_L_0: 'b' } })
    expect([store.get('l'), store.get('o')]).toEqual(['x,y', { l: ['b'] }])
  })

  test('so do variables with an index, however many', () => {
    const vars = { L_0: 'x', L_1: 'y', O_L_0: 'b', NEW_0: '1', NEW_1: '2' }
    const { store } = loadBootstrap('l: [1]\no: { l: [a, c] }', { vars })
    expect([store.get('l'), store.get('o'), store.get('new')]).toEqual([['x', 'y'], { l: ['b'] }, [1, 2]])
    expect(store.explain('l')).toMatchObject({
      value: ['x', 'y'],
      origin: { document: 'environment L_0' },
      shadows: [{ document: 'bootstrap.yml', value: [1] }],
    })
    store.setRemote([remote('a.yml', 'l: [7, 8, 9]')])
    expect([store.get('l'), store.get('l', 'remote')]).toEqual([
      ['x', 'y'],
      [7, 8, 9],
    ])
  })

  test('names that differ only in their dashes stay apart where both are there', () => {
    const { store } = loadBootstrap('prices: { A-1: 5, A1: 7 }')
    expect(store.get('prices')).toEqual({ 'A-1': 5, A1: 7 })
    expect([store.get('prices.A-1'), store.get('prices.A1')]).toEqual([5, 7])
  })

  test('text keeps its characters, long numbers their digits', () => {
    const { store } = loadBootstrap('v: 1.10\npin: 007\nid: 12345678901234567890')
    expect([store.text('v'), store.text('pin'), store.get('id')]).toEqual(['1.10', '007', '12345678901234567890'])
  })
})

describe('remote documents', () => {
  test('a swap answers what changed, as seen through environment and local', () => {
    const { store } = loadBootstrap(LOCAL, { vars: { FROM_ENV: '1' } })
    expect(store.remoteReady).toBe(false)
    expect(store.setRemote([remote('a.yml', 'a: 1\nl: [1, 2]\nfrom-env: 0\nonly-local: 1')])).toEqual(['a', 'l'])
    expect(store.remoteReady).toBe(true)
    expect(store.setRemote([remote('a.yml', 'a: 1\nl: [1, 3]\ndb: { url: x }\ndepends: ${db.url}')])).toEqual([
      'l',
      'db.url',
      'depends',
      'name',
    ])
    expect(store.setRemote([])).toEqual(['a', 'l', 'db.url', 'depends', 'name'])
    expect(store.get('db.url')).toBe('local')
  })

  test('C3: a placeholder of a file on disk is resolved when it is read, over all sources', () => {
    const { store } = loadBootstrap(LOCAL)
    store.setRemote([remote('a.yml', 'db: { url: remote }\nseen: "${db.url} ${only-local}"')])
    expect([store.get('name'), store.get('name', 'local')]).toEqual(['remote', 'local'])
    expect(store.get('seen')).toBe('remote 1')
    expect(store.get('seen', 'remote')).toBe('remote 1')
  })

  test('what cannot be resolved stays literal and is named', () => {
    const { store } = loadBootstrap(LOCAL)
    store.setRemote([remote('a.yml', 'x: a-${nope}-${only-local}\np: ${q}\nq: ${p}\n')])
    expect(store.get('x')).toBe('a-${nope}-1')
    expect(store.get('p')).toBe('${q}')
    expect(store.unresolved()).toEqual([
      'a.yml:1:4: ${nope} has no value and no default (used in x); it stays as written',
      'a.yml:2:4: placeholders refer to each other: p → q → p (used in p); it stays as written',
      'a.yml:3:4: placeholders refer to each other: q → p → q (used in q); it stays as written',
    ])
  })
})

describe('explain', () => {
  test('says the value, its document and place, and what it hides', () => {
    const { store } = loadBootstrap(LOCAL, { vars: { DB_URL: 'env' }, argv: ['--only.arg=1'] })
    store.setRemote([remote('low.yml', 'db:\n  url: low'), remote('high.yml', 'db:\n  url: high')])
    expect(store.explain('db.url')).toEqual({
      key: 'db.url',
      value: 'env',
      origin: { layer: 'environment', document: 'environment DB_URL' },
      shadows: [
        { layer: 'remote', document: 'high.yml', line: 2, column: 8, value: 'high' },
        { layer: 'remote', document: 'low.yml', line: 2, column: 8, value: 'low' },
        { layer: 'local', document: 'bootstrap.yml', line: 1, column: 12, value: 'local' },
      ],
    })
    expect(store.explain('only.arg').origin).toEqual({ layer: 'command line', document: 'command line' })
    expect(store.explain('nope')).toEqual({ key: 'nope', value: undefined, origin: undefined, shadows: [] })
  })

  test('an empty variable neither replaces nor shadows', () => {
    const { store } = loadBootstrap(LOCAL, { vars: { DB_URL: '', EMPTY: '' } })
    expect([store.get('db.url'), store.get('empty')]).toEqual(['local', ''])
    expect(store.explain('db.url')).toMatchObject({
      value: 'local',
      origin: { document: 'bootstrap.yml' },
      shadows: [],
    })
  })

  test('a short name of the environment', () => {
    const { store } = loadBootstrap('', { vars: { NACOS_SERVER: 'n:1' } })
    expect(store.explain('cloud.nacos.discovery.server-addr').origin?.document).toBe('environment NACOS_SERVER')
  })

  test('masks secrets by their names, in subtrees and in URLs too', () => {
    const yaml = `
a: { password: canary1, accessKey: canary2, credentials: { user: canary3 }, api-token: canary4, Client-Secret: canary5 }
url: jdbc://user:canary6@host/db
`
    const { store } = loadBootstrap(yaml, { vars: { A_PASSWORD: 'canary7' } })
    const said = JSON.stringify([
      store.explain('a'),
      store.explain('url'),
      store.explain('a.password'),
      store.explain('a.credentials'),
    ])
    expect(said).not.toContain('canary')
    expect(said).toContain('jdbc://user:***@host/db')
  })
})

describe('C1: below `spring` and without it', () => {
  const BOTH = 'spring: { redis: { database: 0 } }\nredis: { database: shop }\n'

  test('C1: an app has two properties, in one document or in two', () => {
    const { store } = loadBootstrap(BOTH)
    const read = () => [store.get('spring.redis.database'), store.get('redis.database')]
    expect(read()).toEqual([0, 'shop'])
    store.setRemote([remote('a.yml', 'spring.redis.database: 1'), remote('b.yml', 'redis.database: other')])
    expect(read()).toEqual([1, 'other'])
    expect(store.get('spring.redis')).toEqual({ database: 1 })
    expect(store.explain('redis.database').shadows).toHaveLength(1)
  })

  test('C1: in a properties document too', () => {
    const [entries] = readDocument('spring.redis.database=0\nredis.database=shop\n', 'properties', 'a', 'a')
    const { store } = loadBootstrap('')
    store.setRemote([{ name: 'a', layer: 'remote', entries: entries! }])
    expect([store.get('spring.redis.database'), store.get('redis.database')]).toEqual([0, 'shop'])
  })

  test('C1: and two names in the environment', () => {
    const { store } = loadBootstrap(BOTH, { vars: { SPRING_REDIS_DATABASE: '7' } })
    expect([store.get('spring.redis.database'), store.get('redis.database')]).toEqual([7, 'shop'])
    const other = loadBootstrap(BOTH, { vars: { REDIS_DATABASE: 'env' } }).store
    expect([other.get('spring.redis.database'), other.get('redis.database')]).toEqual([0, 'env'])
  })

  test("C1: the sidecar's own sections are one", () => {
    const { store, settings } = loadBootstrap('spring.application.name: orders\nspring: { sidecar: { drain: 1s } }', {
      vars: { SPRING_SERVER_PORT: '7000' },
    })
    expect([store.get('application.name'), store.get('spring.application.name')]).toEqual(['orders', 'orders'])
    expect([settings.application.name, settings.sidecar.drain, settings.server.port]).toEqual(['orders', 1000, 7000])
  })
})
