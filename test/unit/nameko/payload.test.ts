import { describe, expect, test } from 'vitest'
import { SidecarError } from 'nacos-sidecar'
import { NamekoRemoteError } from '../../../src/nameko/errors.js'
import { decodeReply, decodeRequest, encodeError, encodeRequest, encodeResult } from '../../../src/nameko/payload.js'

const MAX = 1_000_000
const json = (content: Buffer | string) => ({
  ...{ content: Buffer.from(content), contentType: 'application/json', maxBytes: MAX },
})
const parsed = (content: Buffer) => JSON.parse(content.toString()) as unknown

function caught(work: () => unknown): NamekoRemoteError {
  try {
    work()
  } catch (error) {
    return error as NamekoRemoteError
  }
  throw new Error('nothing was thrown')
}

describe('requests', () => {
  test('arguments travel as JSON: dates as text, a Map as an object, undefined as null', () => {
    const args = ['Ada', undefined, new Date(0), new Map([['a', 1]])]
    const body = encodeRequest('greeting.hello', { args, kwargs: { title: 'Dr', none: undefined } }, MAX)
    expect(decodeRequest(json(body))).toEqual({
      args: ['Ada', null, '1970-01-01T00:00:00.000Z', { a: 1 }],
      kwargs: { title: 'Dr' },
    })
  })

  test.each([
    ['a number beyond JSON', 10n],
    ['an error', new Error('x')],
    ['a promise', Promise.resolve()],
  ])('%s is refused before anything is sent', (_, value) => {
    const error = caught(() => encodeRequest('greeting.hello', { args: [value], kwargs: {} }, MAX))
    expect(error).toBeInstanceOf(SidecarError)
    expect(error.code).toBe('SIDECAR_CALL_INVALID')
    expect(error.message).toContain('greeting.hello')
  })

  test.each([
    ['{"args": []}', 'Message missing `args` or `kwargs`'],
    ['{"args": {}, "kwargs": {}}', '`args` is no list'],
    ['{"args": [], "kwargs": []}', '`kwargs` is no mapping'],
    ['[]', 'the body is no mapping'],
    ['{"args": [NaN], "kwargs": {}}', 'the body is no JSON'],
  ])('%s is malformed', (body, why) => {
    const error = caught(() => decodeRequest(json(body)))
    expect(error).toMatchObject({ excType: 'MalformedRequest', excPath: 'nameko.exceptions.MalformedRequest' })
    expect(error.value).toContain(why)
  })

  test('pickle is not read', () => {
    const body = { content: Buffer.from('cos\nsystem'), contentType: 'application/x-python-serialize', maxBytes: MAX }
    expect(caught(() => decodeRequest(body))).toMatchObject({ excType: 'MalformedRequest' })
  })
})

test('a body above maxBytes is refused, and none is read', () => {
  const request = { args: ['x'.repeat(100)], kwargs: {} }
  const limit = 'has 125 bytes, the limit is 100 (option maxBytes)'
  const body = encodeRequest('a.b', request, 125)
  expect(body).toHaveLength(125)
  expect(caught(() => encodeRequest('a.b', request, 100))).toMatchObject({
    ...{ code: 'SIDECAR_CALL_INVALID', message: `a.b: the request ${limit}` },
  })
  expect(caught(() => decodeRequest({ ...json(body), maxBytes: 100 }))).toMatchObject({
    ...{ excType: 'MalformedRequest', value: `the request ${limit}` },
  })
  expect(caught(() => decodeReply('a.b', { ...json(body), maxBytes: 100 }))).toMatchObject({
    ...{ code: 'SIDECAR_CALL_BODY', message: expect.stringContaining(`the reply ${limit}`) as string },
  })
  expect(parsed(encodeResult('x'.repeat(97), 100))).toMatchObject({
    error: { exc_type: 'UnserializableValueError', value: expect.stringContaining('the limit is 100') as string },
  })
})

describe('replies', () => {
  test('a result, and none', () => {
    expect(parsed(encodeResult({ a: [1] }, MAX))).toEqual({ result: { a: [1] }, error: null })
    expect(parsed(encodeResult(undefined, MAX))).toEqual({ result: null, error: null })
    expect(decodeReply('a.b', json('{"result": [1], "error": null}'))).toEqual([1])
  })

  test('a result that JSON cannot hold is an error of Nameko', () => {
    for (const result of [10n, { a: { b: 10n } }, () => {}]) {
      const { error, result: none } = parsed(encodeResult(result, MAX)) as { error: object; result: unknown }
      expect(none).toBeNull()
      expect(error).toMatchObject({
        exc_type: 'UnserializableValueError',
        exc_path: 'nameko.exceptions.UnserializableValueError',
        exc_args: [],
        value: expect.stringContaining('Unserializable value: ') as string,
      })
    }
  })

  test('an error has the shape and the names of Nameko', () => {
    class OutOfStock extends Error {
      override name = 'OutOfStock'
    }
    expect(parsed(encodeError(new OutOfStock('none left')))).toEqual({
      result: null,
      error: { exc_type: 'OutOfStock', exc_path: 'OutOfStock', exc_args: ['none left'], value: 'none left' },
    })
    expect(parsed(encodeError('a text'))).toMatchObject({ error: { exc_type: 'Error', value: 'a text' } })
  })

  test('a handler chooses the class that a Python caller gets', () => {
    const chosen = new NamekoRemoteError({
      ...{ excType: 'NotFound', excPath: 'shop.errors.NotFound', value: 'no 7' },
      excArgs: [7, 10n, () => {}],
    })
    expect(parsed(encodeError(chosen))).toEqual({
      result: null,
      error: {
        ...{ exc_type: 'NotFound', exc_path: 'shop.errors.NotFound', value: 'no 7' },
        exc_args: [7, expect.any(String), expect.any(String)],
      },
    })
  })

  test('an error comes with its fields and a stable code', () => {
    const body = JSON.stringify({
      result: null,
      error: { exc_type: 'ValueError', exc_path: 'builtins.ValueError', exc_args: ['bad', 1], value: "('bad', 1)" },
    })
    const error = caught(() => decodeReply('greeting.hello', json(body)))
    expect(error).toBeInstanceOf(NamekoRemoteError)
    expect(error).toBeInstanceOf(SidecarError)
    expect(error).toMatchObject({
      ...{ code: 'SIDECAR_NAMEKO_REMOTE', excType: 'ValueError', excPath: 'builtins.ValueError' },
      ...{ excArgs: ['bad', 1], value: "('bad', 1)", message: "greeting.hello: ValueError: ('bad', 1)" },
    })
  })

  test('an error of another shape is one all the same', () => {
    expect(caught(() => decodeReply('a.b', json('{"error": "x"}')))).toMatchObject({ excType: 'Exception', value: '' })
    const list = '{"error": {"exc_type": "E", "value": ["a", "b"]}}'
    expect(caught(() => decodeReply('a.b', json(list)))).toMatchObject({ excType: 'E', value: '["a","b"]' })
  })

  test.each(['[]', 'x', '{"result": NaN}'])('%s is no reply', (body) => {
    const error = caught(() => decodeReply('a.b', json(body)))
    expect(error).not.toBeInstanceOf(NamekoRemoteError)
    expect(error).toMatchObject({ code: 'SIDECAR_CALL_BODY' })
  })
})
