import { afterEach, describe, expect, test } from 'vitest'
import { readDocument } from '../../src/properties/formats.js'
import { loadBootstrap, loadError } from '../support/bootstrap.js'
import { leastCpuTime } from '../support/cost.js'
import { bound } from '../support/scale.js'

const polluted = () => (({}) as { polluted?: unknown }).polluted

afterEach(() => expect(polluted()).toBeUndefined())

function expectQuick(work: () => unknown): void {
  const mostMs = bound(50)
  const tookMs = leastCpuTime(
    15,
    () => {
      try {
        work()
      } catch {
        // A refusal is as good as a result.
      }
    },
    mostMs,
  )
  expect(tookMs).toBeLessThan(mostMs)
}

const LAUGHS = `a: &a [x, x, x, x, x, x, x, x, x]
${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(', ')}]`).join('\n')}
`
const MERGES = `a: &a {}
${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name, index) => `${name}: &${name} { <<: [${Array(9).fill(`*${'abcdefgh'[index]}`).join(', ')}] }`).join('\n')}
`
const SELF = 'a: &a { b: *a }\n'
const SELF_MERGE = 'a: &a { <<: *a, b: 1 }\n'
const DEEP = `a: ${'['.repeat(5_000)}${']'.repeat(5_000)}\n`
const DEEP_BLOCK = Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}k:\n`).join('')
const LONG_NAME = `${'a.'.repeat(5_000)}a: 1\n`
const DOUBLING = Array.from({ length: 60 }, (_, index) => `k${index}: "\${k${index + 1}}\${k${index + 1}}"\n`).join('')

describe('attack: YAML bombs', () => {
  test.each<[string, string, RegExp]>([
    ['billion laughs', LAUGHS, /aliases add more than 10000 values/],
    ['merge keys', MERGES, /aliases add more than 10000 values/],
    ['an alias inside itself', SELF, /nested more than 100 levels deep/],
    ['a merge of itself', SELF_MERGE, /nested more than 100 levels deep/],
    ['flow depth', DEEP, /nesting|depth|deep/],
    ['block depth', DEEP_BLOCK, /nesting|depth|deep/],
    ['a name of 5,000 levels', LONG_NAME, /names of more than 10000 characters/],
    ['placeholders that double', `${DOUBLING}k60: x\n`, /placeholders (need|make)/],
  ])('%s is refused in less than 50 ms', (_, yaml, message) => {
    expect(loadError(yaml).message).toMatch(message)
    expect(loadError(yaml).message).toContain('bootstrap.yml')
    expectQuick(() => loadBootstrap(yaml))
  })

  test.each(['yaml', 'json'] as const)('in a remote document too (%s)', (format) => {
    for (const bomb of [LAUGHS, MERGES, SELF, SELF_MERGE, DEEP]) {
      expect(() => readDocument(bomb, format, 'x', 'x')).toThrow(/^x:/)
      expectQuick(() => readDocument(bomb, format, 'x', 'x'))
    }
    expect(() => readDocument(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'json', 'x', 'x')).toThrow(/^x/)
  })

  test('ordinary aliases and merges are welcome', () => {
    const { store } = loadBootstrap(
      'base: &base { a: 1, b: 2 }\nx: { <<: *base, b: 3 }\ny: [*base, *base]\nz: { <<: [{ a: 5 }, *base] }\n',
    )
    expect([store.get('x'), store.get('z'), store.get('y[1].a')]).toEqual([{ a: 1, b: 3 }, { a: 5, b: 2 }, 1])
  })

  test('a bootstrap.yml of megabytes is refused unread', () => {
    const yaml = 'a: 1\n'.repeat(400_000)
    expect(loadError(yaml).message).toContain('2000000 bytes')
    expectQuick(() => loadError({ 'bootstrap.yml': 'x' }))
  })
})

describe('attack: prototype pollution', () => {
  test.each([
    '__proto__: { polluted: 1 }',
    '"__proto__": { polluted: 1 }',
    'a: { __proto__: { polluted: 1 } }',
    'a: { constructor: { prototype: { polluted: 1 } } }',
    'a.__proto__.polluted: 1',
    'a[__proto__].polluted: 1',
    'a: { prototype: { polluted: 1 } }',
    'cloud.nacos.discovery.metadata: { __proto__: { polluted: 1 } }',
    'cloud.nacos.discovery.metadata.__proto__.polluted: 1',
    'feign.client: { __proto__: { url: "http://x" } }',
    'x: &x { __proto__: { polluted: 1 } }\ny: { <<: *x }',
  ])('%s is refused, with its place', (yaml) => {
    expect(loadError(yaml).message).toMatch(
      /^bootstrap\.yml:\d+:\d+: the name "(__proto__|constructor|prototype)" is not accepted/,
    )
    expect(() => readDocument(yaml, 'yaml', 'remote.yml', 'remote.yml')).toThrow(/remote\.yml:\d+:\d+: the name/)
  })

  test('in JSON and properties', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      expect(() => readDocument(`{"a":{"${key}":{"polluted":1}}}`, 'json', 'x', 'x')).toThrow(/is not accepted/)
      expect(() => readDocument(`{"${'k'.repeat(2_000)}":1,"${key}":{"polluted":1}}`, 'json', 'x', 'x')).toThrow(
        /is not accepted/,
      )
      expect(() => readDocument(`ok=1\n${key}.polluted=1`, 'properties', 'x', 'x')).toThrow(/^x:2: .*is not accepted/)
    }
  })

  test('from the command line, the environment and code', () => {
    const { store } = loadBootstrap('a: { b: 1 }', {
      argv: ['--__proto__.polluted=1', '--a.constructor.prototype.polluted=1'],
      vars: { __PROTO___POLLUTED: '1', A___PROTO___POLLUTED: '1', CLOUD_NACOS_DISCOVERY_METADATA___PROTO__: '1' },
    })
    expect(store.get('a')).toEqual({ b: 1 })
    expect(loadError('', { overrides: JSON.parse('{"a":{"__proto__":{"polluted":1}}}') as object }).message).toContain(
      'is not accepted',
    )
    expect(loadError('', { overrides: { 'constructor.prototype.polluted': 1 } }).message).toContain('is not accepted')
  })

  test('asking for them answers nothing', () => {
    const { store } = loadBootstrap('a: { b: 1 }\nx: "${__proto__:none}${constructor.name:none}"')
    for (const key of [
      '__proto__',
      'constructor',
      'a.__proto__',
      'a.constructor.name',
      'toString',
      'a.hasOwnProperty',
    ]) {
      expect(store.get(key)).toBeUndefined()
    }
    expect(store.get('x')).toBe('nonenone')
  })
})
