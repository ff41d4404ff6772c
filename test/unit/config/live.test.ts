import { SidecarError } from 'nacos-sidecar'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { z } from 'zod'
import { createConfig } from '../../../src/config/config.js'
import { warnOfStartOnly } from '../../../src/config/start-only.js'
import { readDocument } from '../../../src/properties/formats.js'
import type { StandardSchema } from '../../../src/util/standard-schema.js'
import { loadBootstrap } from '../../support/bootstrap.js'
import { collectEvents, collectLog } from '../../support/collect.js'

/** A store whose remote documents `push` replaces. */
function setUp(yaml = '', vars: Record<string, string> = {}) {
  const { store } = loadBootstrap(yaml, { vars })
  const logger = collectLog()
  const { emit, seen } = collectEvents()
  const transport = { getConfig: vi.fn(), describe: vi.fn() }
  const config = createConfig({ store, transport, namespace: '', group: 'G', logger, emit })
  const push = (...documents: string[]) =>
    store.setRemote(
      documents.flatMap((content, n) =>
        readDocument(content, 'yaml', `d${n}.yml`, `d${n}.yml`).map((entries) => ({
          name: `d${n}.yml`,
          layer: 'remote' as const,
          entries,
        })),
      ),
    )
  return { config, push, store, logger, seen }
}

describe('config.on', () => {
  test('gives the new and the old value, on a real change only', () => {
    const { config, push } = setUp('a: local')
    const heard = vi.fn()
    config.on('a', heard)
    push('a: 1')
    push('a: 1\nb: 1')
    push('# the same\na: 1')
    push('a: 2')
    push('b: 1')
    expect(heard.mock.calls.map(([change]) => change)).toEqual([
      { key: 'a', value: 1, previous: 'local', keys: ['a'] },
      { key: 'a', value: 2, previous: 1, keys: ['a'] },
      { key: 'a', value: 'local', previous: 2, keys: ['a'] },
    ])
  })

  test.each(['pool.max-size', 'pool.maxSize', 'POOL.MAX_SIZE', 'pool.max_size'])('takes the key as %s', (key) => {
    const { config, push } = setUp()
    const heard = vi.fn()
    config.on(key, heard)
    push('pool: { max-size: 1 }')
    expect(heard.mock.calls).toEqual([[{ key, value: 1, previous: undefined, keys: ['pool.max-size'] }]])
  })

  test('what the environment says does not change; what a placeholder reaches does', () => {
    const { config, push } = setUp('', { A: 'env' })
    const [a, b] = [vi.fn(), vi.fn()]
    config.on('a', a)
    config.on('b', b)
    push('a: 1\nb: ${c}\nc: 1')
    push('a: 2\nb: ${c}\nc: 2')
    expect(a).not.toHaveBeenCalled()
    expect(b.mock.calls.map(([change]) => change.value)).toEqual([1, 2])
  })

  test('a subtree is heard once, as a frozen map; with .* each of its keys', () => {
    const { config, push } = setUp()
    const [tree, each, all, other] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()]
    config.on('db', tree)
    config.on('db.*', each)
    config.on('*', all)
    config.on('dbx', other)
    push('db: { url: u, pool: { size: 1 } }\nc: 1')
    push('db: { url: v, pool: { size: 2 } }\nc: 1')
    const [{ value, previous, keys }] = tree.mock.calls[1]! as [{ value: object; previous: object; keys: string[] }]
    expect([value, previous, keys]).toEqual([
      { url: 'v', pool: { size: 2 } },
      { url: 'u', pool: { size: 1 } },
      ['db.url', 'db.pool.size'],
    ])
    expect([value, previous].every((map) => Object.isFrozen(map))).toBe(true)
    expect(each.mock.calls.slice(2).map(([change]) => change)).toEqual([
      { key: 'db.url', value: 'v', previous: 'u', keys: ['db.url'] },
      { key: 'db.pool.size', value: 2, previous: 1, keys: ['db.pool.size'] },
    ])
    expect(all).toHaveBeenCalledTimes(5)
    expect(other).not.toHaveBeenCalled()
  })

  test('an item of a list, and everything', () => {
    const { config, push } = setUp()
    const [item, all] = [vi.fn(), vi.fn()]
    config.on('hosts[1]', item)
    config.on('', all)
    push('hosts: [a, b]')
    push('hosts: [x, b]')
    push('hosts: [x, c]')
    expect(item.mock.calls.map(([change]) => [change.previous, change.value])).toEqual([
      [undefined, 'b'],
      ['b', 'c'],
    ])
    expect(all).toHaveBeenCalledTimes(3)
    expect(config.get('')).toMatchObject({ hosts: ['x', 'c'] })
  })

  test('ends by a call, by using, by await using, and in the middle of a round', async () => {
    const { config, push } = setUp()
    const heard = [vi.fn(), vi.fn(), vi.fn(), vi.fn()] as const
    const end = config.on('a', heard[0])
    config.on('a', () => last())
    const last = config.on('a', heard[3])
    {
      using _one = config.on('a', heard[1])
      await using _two = config.on('a', heard[2])
      push('a: 1')
    }
    end()
    end()
    push('a: 2')
    expect(heard.map((each) => each.mock.calls.length)).toEqual([1, 1, 1, 0])
  })

  test('get takes a default, whose type it has', () => {
    const { config, push } = setUp()
    push('n: "5"\nt: 1.10')
    expectTypeOf(config.get('n', 1)).toEqualTypeOf<number>()
    expect([config.get('n', 1), config.get('x', 1), config.get('t', ''), config.get('n')]).toEqual([5, 1, '1.10', '5'])
    expect(() => config.get('t', true)).toThrow(SidecarError)
  })
})

describe('config.bind', () => {
  const Db = z.object({ url: z.string(), poolSize: z.number().default(10), tags: z.array(z.string()).optional() })

  test('is a typed and frozen view, another after each change', () => {
    const { config, push } = setUp()
    push('db: { url: u, tags: [a] }')
    const db = config.bind(Db, { prefix: 'db' })
    expectTypeOf(db.current.poolSize).toEqualTypeOf<number>()
    expectTypeOf(db.current.tags).toEqualTypeOf<readonly string[] | undefined>()
    const first = db.current
    expect(first).toEqual({ url: 'u', poolSize: 10, tags: ['a'] })
    expect(() => ((first as { url: string }).url = 'x')).toThrow(TypeError)
    expect(Object.isFrozen(first.tags)).toBe(true)
    const heard = vi.fn()
    const end = db.on('change', heard)
    push('db: { url: u, tags: [a] }\nother: 1')
    expect(db.current).toBe(first)
    push('db: { url: v, pool-size: 3 }')
    expect(db.current).toEqual({ url: 'v', poolSize: 3 })
    expect(heard.mock.calls).toEqual([[{ value: db.current, previous: first }]])
    end()
    push('db: { url: w }')
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test.each(['poolSize', 'pool-size', 'pool_size', 'POOL_SIZE'])(
    'reads %s for poolSize, in a strict schema too',
    (name) => {
      const { config, push } = setUp()
      push(`db: { url: u, ${name}: 3 }`)
      expect(config.bind(Db.strict(), { prefix: 'db' }).current).toEqual({ url: 'u', poolSize: 3 })
    },
  )

  test('reads what only the environment has, and takes its name as the schema says it', () => {
    const { config } = setUp('db.url: u', { DB_POOLSIZE: '7' })
    expect(config.bind(Db, { prefix: 'db' }).current).toEqual({ url: 'u', poolSize: 7 })
    expect(() => config.bind(Db.extend({ more: z.string() }).strict(), { prefix: 'db' })).toThrow(/more: /)
  })

  test('nested maps, lists of maps, records, unknown values', () => {
    const { config, push } = setUp()
    push('a: { list: [{ some-key: 1 }], map: { x-y: { in-ner: 2 } }, any: { k-k: [1, { l-l: 2 }] } }')
    const schema = z.object({
      list: z.array(z.strictObject({ someKey: z.number() })),
      map: z.record(z.string(), z.strictObject({ inNer: z.number() })),
      any: z.unknown(),
    })
    const { current } = config.bind(schema, { prefix: 'a' })
    expect(current).toEqual({
      list: [{ someKey: 1 }],
      map: { 'x-y': { inNer: 2 } },
      any: { 'k-k': [1, { 'l-l': 2 }] },
    })
    expect(JSON.stringify(current.any)).toBe('{"k-k":[1,{"l-l":2}]}')
    expect(Object.isFrozen((current.any as { 'k-k': unknown[] })['k-k'][1])).toBe(true)
  })

  test('everything without a prefix; nothing where there is nothing', () => {
    const { config, push } = setUp('name: n')
    push('a: 1')
    expect(config.bind(z.object({ a: z.number(), name: z.string() })).current).toEqual({ a: 1, name: 'n' })
    expect(config.bind(z.object({ x: z.number().optional() }), { prefix: 'none' }).current).toEqual({})
  })

  test('any Standard Schema, and what it makes of the values', () => {
    const { config, push } = setUp()
    push('at: "2030-01-01"')
    const schema: StandardSchema<{ at: Date; self: unknown }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => ({ value: { at: new Date((value as { at: string }).at), self: value } }),
      },
    }
    const { current } = config.bind(schema)
    expect(current.at.getFullYear()).toBe(2030)
    expect(current.self).toEqual({ at: '2030-01-01' })
  })

  test('what it refuses at once is an error that names the field, and no secret', () => {
    const { config, push } = setUp()
    expect(() => config.bind(Db, { prefix: 'db' })).toThrow(/db does not match the schema: url: .*await sidecar\.ready/)
    push('db: { url: 1, password: canary }')
    const quoting: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({ issues: [{ message: 'not "canary"', path: [{ key: 'password' }] }] }),
      },
    }
    expect(() => config.bind(quoting, { prefix: 'db' })).toThrow(/^db does not match the schema: password: is refused$/)
    const throwing: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: () => { throw new TypeError('canary') } }, // prettier-ignore
    }
    expect(() => config.bind(throwing)).toThrow(/the schema threw TypeError$/)
    const later: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: async () => Promise.reject(new Error('late')) },
    }
    expect(() => config.bind(later)).toThrow(/asynchronous/)
  })

  test('a refused value keeps the old one, with one alert until it is good again', () => {
    const { config, push, logger, seen } = setUp()
    push('db: { url: u }')
    const db = config.bind(Db, { prefix: 'db' })
    const first = db.current
    push('db: { url: u, pool-size: many }')
    push('db: { url: u, pool-size: more }\nx: 1')
    expect(db.current).toBe(first)
    push('db: { url: u }')
    expect(db.current).toBe(first)
    push('db: { url: u, pool-size: many }')
    expect(logger.lines).toHaveLength(2)
    const rejected = { event: 'configRejected', payload: { source: 'db', error: expect.any(SidecarError) } }
    expect(seen).toEqual([rejected, { event: 'configAccepted', payload: { source: 'db' } }, rejected])
  })

  test('every view is up to date before any listener is called', () => {
    const { config, push } = setUp()
    push('a: 1')
    const schema = z.object({ a: z.number() })
    const one = config.bind(schema)
    const told: number[][] = []
    const tell = () => told.push([one.current.a, two.current.a])
    config.on('a', tell)
    one.on('change', tell)
    const two = config.bind(schema)
    two.on('change', tell)
    push('a: 2')
    expect(told).toEqual([[2, 2], [2, 2], [2, 2]]) // prettier-ignore
  })

  test('disposed of, it stays as it is', async () => {
    const { config, push } = setUp()
    push('a: 1')
    const schema = z.object({ a: z.number() })
    const outside = config.bind(schema)
    {
      using view = config.bind(schema)
      push('a: 2')
      expect(view.current.a).toBe(2)
    }
    await outside[Symbol.asyncDispose]()
    push('a: 3')
    expect(outside.current.a).toBe(2)
  })

  test('names that poison objects are inert', () => {
    const { config, push } = setUp()
    push('a: { constructor1: 1 }')
    const { current } = config.bind(z.looseObject({}), { prefix: 'a' })
    expect(Object.getPrototypeOf(current)).toBe(Object.prototype)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

test('a setting that is read before Nacos is asked is told of once where it stands in a document of Nacos', () => {
  const { push, store, logger } = setUp()
  warnOfStartOnly(store, logger)
  push('sidecar: { alerts: { webhook: "http://canary/" }, observe: { period: 10s, report: { url: "http://h" } } }')
  push('sidecar: { alerts: { webhook: "http://canary2/" }, observe: { max-names: 20 } }')
  expect(logger.lines).toEqual([
    expect.stringMatching(
      /^warn config d0\.yml: without effect here: sidecar\.alerts\.webhook, sidecar\.observe\.report\.url\. /,
    ),
  ])
  expect(logger.lines.join()).not.toContain('canary')
})
