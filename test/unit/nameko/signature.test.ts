import { describe, expect, test } from 'vitest'
import { bindArguments, methodOf, withParams } from '../../../src/nameko/signature.js'

type Kwargs = Readonly<Record<string, unknown>>

describe('a handler whose parameters have names', () => {
  const method = methodOf(
    'book',
    withParams(['seat', 'fare?', 'meal?'], (seat: number, fare = 'economy', meal?: string) => [seat, fare, meal]),
  )
  const bind = (args: readonly unknown[], kwargs: Kwargs = {}) => bindArguments('book', method, args, kwargs)

  test.each([
    [[7], {}, [7, 'economy', undefined]],
    [[7, 'first'], {}, [7, 'first', undefined]],
    [[], { seat: 7 }, [7, 'economy', undefined]],
    [[7], { meal: 'fish' }, [7, 'economy', 'fish']],
    [[], { meal: 'fish', seat: null }, [null, 'economy', 'fish']],
  ] as [unknown[], Kwargs, unknown[]][])('takes %j and %j', (args, kwargs, expected) => {
    expect(method.handler(...(bind(args, kwargs) as never[]))).toEqual(expected)
  })

  // The words of Python 3.
  test.each([
    [[], {}, "book() missing 1 required positional argument: 'seat'"],
    [[1, 2, 3, 4], {}, 'book() takes 3 positional arguments but 4 were given'],
    [[1], { colour: 'red' }, "book() got an unexpected keyword argument 'colour'"],
    [[1], { seat: 2 }, "book() got multiple values for argument 'seat'"],
    [[1], { toString: 2 }, "book() got an unexpected keyword argument 'toString'"],
  ] as [unknown[], Kwargs, string][])('refuses %j and %j', (args, kwargs, value) => {
    expect(() => bind(args, kwargs)).toThrow(
      expect.objectContaining({
        excType: 'IncorrectSignature',
        excPath: 'nameko.exceptions.IncorrectSignature',
        value,
      }),
    )
  })

  test('names all that is missing', () => {
    const three = methodOf(
      'three',
      withParams(['a', 'b', 'c'], () => {}),
    )
    expect(() => bindArguments('three', three, [], {})).toThrow(
      "missing 3 required positional arguments: 'a', 'b' and 'c'",
    )
    const none = methodOf(
      'none',
      withParams([], () => {}),
    )
    expect(() => bindArguments('none', none, [1], {})).toThrow('none() takes 0 positional arguments but 1 was given')
  })
})

describe('a handler whose parameters have none', () => {
  const hello = methodOf('hello', (name: string, title = '') => [title, name])

  test('takes positional arguments, at least as many as it must have', () => {
    expect(bindArguments('hello', hello, ['Ada', 'Dr'], {})).toEqual(['Ada', 'Dr'])
    expect(() => bindArguments('hello', hello, [], {})).toThrow('takes at least 1 positional argument but 0 were given')
    expect(() => bindArguments('hello', hello, [], { name: 'Ada' })).toThrow(
      "hello() got an unexpected keyword argument 'name'",
    )
  })
})

test('wrong parameters and handlers are refused', () => {
  for (const params of [['a b'], [''], ['?'], 'a', [1]])
    expect(() => withParams(params as string[], () => {})).toThrow(
      expect.objectContaining({ code: 'SIDECAR_NAMEKO_INVALID' }),
    )
  expect(() => withParams(['a'], 1 as never)).toThrow('expected a function, got number')
  expect(() => methodOf('hello', 'text')).toThrow('expected a function as "hello", got string')
})
