import fc from 'fast-check'
import { expect } from 'vitest'
import { loadSettings } from '../../src/settings/load.js'
import { CANARY, expectNoStall, fuzz, MAX_STALL_MS, readOrRefused } from './fuzz.js'

const pieces = fc.constantFrom(
  '${',
  '$<',
  '}',
  '>',
  ':',
  '\\',
  '\\${',
  '{',
  'a',
  'b',
  'c',
  'a.b',
  ' ',
  'x',
  '$',
  '${a}',
  '${b:x}',
  '$<c:y>',
  '${secret}',
)
const templates = fc.array(pieces, { maxLength: 40 }).map((list) => list.join(''))

fuzz('placeholders that point at each other end', fc.tuple(templates, templates, templates), ([a, b, c]) =>
  expectNoStall(MAX_STALL_MS * 4, () => {
    const settings = { app: { a, b, c }, a, b, c, secret: CANARY }
    const { value } = readOrRefused(() => loadSettings({ configPath: false, env: {}, argv: [], overrides: settings }))
    for (const key of ['app.a', 'app.b', 'app.c']) {
      const { value: text } = readOrRefused(() => value?.store.get(key))
      if (typeof text === 'string') expect(text.length).toBeLessThanOrEqual(1_000_000)
    }
  }),
)

const plain = fc.string({ maxLength: 20 }).filter((text) => !/[\\${}<>:]/.test(text))

fuzz(
  'a placeholder is its value, or its default, between the text around it',
  fc.tuple(plain, plain, plain, fc.boolean()),
  ([before, after, value, known]) => {
    const overrides = { x: `${before}\${v:${value}}${after}`, ...(known && { v: `v${value}` }) }
    const { store } = loadSettings({ configPath: false, env: {}, argv: [], overrides })
    expect(String(store.get('x'))).toBe(`${before}${known ? 'v' : ''}${value}${after}`)
  },
)
