import { describe, expect, test } from 'vitest'
import { parseKombuJson } from '../../../src/messaging/kombu-json.js'
import {
  currentNamekoContext,
  namekoContextOf,
  namekoHeaders,
  runAsNamekoCall,
} from '../../../src/messaging/nameko-context.js'

describe('JSON of kombu', () => {
  test.each([
    ['a date and time', '{"__type__": "datetime", "__value__": "2026-11-30T08:00:00"}', '2026-11-30T08:00:00'],
    ['a date', '{"__type__": "date", "__value__": "2026-11-30"}', '2026-11-30'],
    ['a decimal', '[{"__type__": "decimal", "__value__": "10.20"}]', ['10.20']],
    ['bytes that are text', '{"a": {"__type__": "bytes", "__value__": "é"}}', { a: 'é' }],
    ['bytes', '{"__type__": "base64", "__value__": "/w=="}', '/w=='],
    [
      'a uuid',
      '{"__type__": "uuid", "__value__": {"hex": "12345678123456781234567812345678"}}',
      '12345678-1234-5678-1234-567812345678',
    ],
    ['an object of the app', '{"__type__": "x", "__value__": 1, "more": 2}', { __type__: 'x', __value__: 1, more: 2 }],
    [
      'a type that is not known',
      '{"__type__": "complex", "__value__": "1j"}',
      { __type__: 'complex', __value__: '1j' },
    ],
    ['what an older version has written', '{"at": "2026-11-30"}', { at: '2026-11-30' }],
  ])('%s', (_, text, expected) => {
    expect(parseKombuJson(text)).toEqual(expected)
  })

  test('what Python writes for NaN is no JSON', () => {
    expect(() => parseKombuJson('{"a": NaN}')).toThrow(SyntaxError)
  })
})

describe('context data', () => {
  const incoming = {
    'nameko.user_id': 7,
    'nameko.language': 'fr',
    'nameko.call_id_stack': ['web.get.1'],
    traceparent: '00-a',
  }

  test('it comes without the prefix, and goes on in what is sent inside', () => {
    const context = namekoContextOf(incoming)
    expect(context).toEqual({ user_id: 7, language: 'fr', call_id_stack: ['web.get.1'] })
    runAsNamekoCall(
      () => context,
      'orders.hello',
      () => {
        expect(currentNamekoContext()).toMatchObject({ user_id: 7 })
        expect(namekoHeaders('orders.call', { language: 'de', user_agent: null })).toEqual({
          'nameko.user_id': 7,
          'nameko.language': 'de',
          'nameko.call_id_stack': ['web.get.1', expect.stringMatching(/^orders\.hello\.[\da-f-]{36}$/)],
        })
      },
    )
    expect(currentNamekoContext()).toBeUndefined()
  })

  test('the token and the trace do not go on by themselves', () => {
    const context = namekoContextOf({ 'nameko.auth_token': 'secret', 'nameko.traceparent': '00-a' })
    runAsNamekoCall(
      () => context,
      'orders.hello',
      () => {
        expect(Object.keys(namekoHeaders('orders.call'))).toEqual(['nameko.call_id_stack'])
      },
    )
  })

  test('outside of any work a call begins; of a long stack the last 11 count', () => {
    const own = [expect.stringMatching(/^orders\.call\./)]
    expect(namekoHeaders('orders.call')).toEqual({ 'nameko.call_id_stack': own })
    const stack = Array.from({ length: 20 }, (_, index) => `call ${index}`)
    runAsNamekoCall(
      () => ({ call_id_stack: stack }),
      'orders.hello',
      () => {
        const calls = namekoHeaders('orders.call')['nameko.call_id_stack'] as string[]
        expect(calls.slice(0, 10)).toEqual(stack.slice(10))
        expect(calls).toHaveLength(11)
      },
    )
  })
})
