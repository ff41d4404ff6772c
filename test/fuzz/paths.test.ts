import fc from 'fast-check'
import { expect } from 'vitest'
import { bind } from '../../src/feign/bind.js'
import { compileTemplate } from '../../src/feign/template.js'
import { fuzz, readOrRefused } from './fuzz.js'

const literals = fc.constantFrom(
  '/',
  '/a',
  '/a/',
  '/{id}',
  '/{id}/b',
  '/{a}-{b}',
  '?x=1',
  '//',
  '/..',
  '/./',
  '%2e%2e',
  '%2f',
  '#',
  '\\',
  ' ',
  '@',
  ':',
  'é',
  '{',
  '}',
  '{id',
  '/{id}/{id}',
  'http://h/',
)
const templates = fc.array(literals, { minLength: 1, maxLength: 4 }).map((list) => list.join(''))
const values: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    '..',
    '.',
    '',
    '/',
    '../admin',
    '%2e%2e',
    '//evil',
    'http://evil',
    'a\r\nb',
    '?x',
    '#',
    '\u202e',
    '\ud800',
    'é',
    ';x=1',
  ),
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom<unknown>(
    null,
    undefined,
    Number.NaN,
    Infinity,
    {},
    [],
    new Date(Number.NaN),
    Symbol('s'),
    () => 1,
    1n,
  ),
)

fuzz(
  'whatever the arguments, a call stays on its path',
  fc.tuple(templates, values, values, values),
  ([path, id, a, b]) => {
    const { value: template } = readOrRefused(() => compileTemplate('', path))
    if (!template) return
    const { value: bound } = readOrRefused(() =>
      bind({ verb: 'GET', template, bodied: false, headers: {} } as never, [{ id, a, b, q: id }]),
    )
    if (!bound) return
    const url = new URL(bound.path, 'http://service')
    expect(url.host).toBe('service')
    expect(bound.path).toMatch(/^\/[\x21-\x7e]*$/)
    // Each variable is one segment: as many slashes as the template has, and none that a parser takes away.
    const [literal = ''] = template.source.split('?', 1)
    expect(url.pathname.split('/')).toHaveLength(literal.split('/').length)
    expect(bound.path.split(/[?#]/, 1)[0]).toBe(url.pathname)
  },
)
