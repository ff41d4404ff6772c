import { config, configLocal, configRemote } from 'nacos-sidecar'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { convertTo } from '../../../src/config/typed.js'

describe('convertTo', () => {
  test.each<[unknown, unknown, unknown]>([
    ['9202', 1, 9202],
    [' 0.5 ', 1, 0.5],
    [7, 'text', '7'],
    [true, 'text', 'true'],
    ['on', false, true],
    ['YES', false, true],
    ['true', false, true],
    [1, false, true],
    ['off', true, false],
    ['no', true, false],
    [false, true, false],
    ['a, b', ['x'], ['a', 'b']],
    ['1,2', [0], [1, 2]],
    [5, [0], [5]],
    [['1', 2], [0], [1, 2]],
    [[1, 2], 'text', '1,2'],
    [
      { a: '1', c: 3 },
      { a: 0, b: true },
      { a: 1, b: true, c: 3 },
    ],
    [{ a: 1 }, {}, { a: 1 }],
    [undefined, 'default', 'default'],
    [null, 4, 4],
    ['', 4, 4],
    ['', true, true],
    ['', 'text', ''],
    ['', ['x'], []],
    ['x', undefined, 'x'],
    [3, null, '3'],
  ])('%j for %j is %j', (raw, fallback, expected) => expect(convertTo('k', raw, fallback)).toEqual(expected))

  test.each<[unknown, unknown, string]>([
    ['80a', 1, 'server.port: expected a number, got "80a"'],
    ['Infinity', 1, 'server.port: expected a number, got "Infinity"'],
    ['maybe', true, 'server.port: expected true or false, got "maybe"'],
    [{ a: 1 }, 'x', 'server.port: expected text'],
    ['x', { a: 1 }, 'server.port: expected a map, got "x"'],
    [{ a: 1 }, [1], 'server.port: expected a list, got a map'],
    [['a'], [1], 'server.port[0]: expected a number, got "a"'],
  ])('%j for %j is refused', (raw, fallback, message) => {
    expect(() => convertTo('server.port', raw, fallback)).toThrow(
      expect.objectContaining({ code: 'SIDECAR_CONFIG_TYPE', message: expect.stringContaining(message) }),
    )
  })

  test("a map's keys are found in any spelling and go by the default's", () => {
    const raw = { 'pool-size': 5, db_url: 'a', Other: 1 }
    expect(convertTo('db', raw, { poolSize: 1, dbUrl: '' })).toEqual({ poolSize: 5, dbUrl: 'a', Other: 1 })
    expect(convertTo('db', { 'a-1': 5 }, { a1: 1, 'a-1': 2 })).toEqual({ a1: 1, 'a-1': 5 })
  })

  test('a secret is not in the error', () => {
    expect(() => convertTo('db.password', 'canary', 1)).toThrow('db.password: expected a number, got "***"')
  })
})

test('types follow the default', () => {
  expectTypeOf(configLocal).toBeFunction()
  const _types = () => ({
    port: configLocal('server.port', 9202),
    text: config('a', 'b'),
    flag: configRemote('a', true),
    none: config('a'),
    undef: config('a', undefined),
    nil: config('a', null),
    list: config('a', ['x', 'y']),
    readonlyList: config('a', [1, 2] as const),
    anyList: config('a', [] as const),
    map: config('a', { host: 'h', port: 1 }),
    constant: config('a', { host: 'h', port: 1 } as const),
  })
  type Types = ReturnType<typeof _types>
  expectTypeOf<Types['port']>().toEqualTypeOf<number>()
  expectTypeOf<Types['text']>().toEqualTypeOf<string>()
  expectTypeOf<Types['flag']>().toEqualTypeOf<boolean>()
  expectTypeOf<Types['none']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<Types['undef']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<Types['nil']>().toEqualTypeOf<string | null>()
  expectTypeOf<Types['list']>().toEqualTypeOf<readonly string[]>()
  expectTypeOf<Types['readonlyList']>().toEqualTypeOf<readonly number[]>()
  expectTypeOf<Types['anyList']>().toEqualTypeOf<readonly unknown[]>()
  expectTypeOf<Types['map']>().toEqualTypeOf<{ readonly host: string; readonly port: number }>()
  expectTypeOf<Types['constant']>().toEqualTypeOf<{ readonly host: string; readonly port: number }>()
})
