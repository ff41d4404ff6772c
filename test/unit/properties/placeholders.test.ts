import { describe, expect, test } from 'vitest'
import { parseTemplate, renderTemplate } from '../../../src/properties/placeholders.js'
import { loadBootstrap } from '../../support/bootstrap.js'
import { cpuTime } from '../../support/scale.js'

const values: Record<string, string> = { a: 'A', 'b.c': 'BC', name: 'a', empty: '' }
const render = (text: string) =>
  renderTemplate(
    parseTemplate(text),
    (key) => values[key],
    (placeholder) => `<${placeholder.source}>`,
  )

describe('templates', () => {
  test.each([
    ['plain', 'plain'],
    ['${a}', 'A'],
    ['$<a>', 'A'],
    ['x${a}y$<b.c>z', 'xAyBCz'],
    ['${no:default}', 'default'],
    ['$<no:default>', 'default'],
    ['${no:}', ''],
    ['${empty:default}', ''],
    ['${no:${a}}', 'A'],
    ['${no:$<nope:${b.c}>}', 'BC'],
    ['${${name}}', 'A'],
    ['${no:http://x:80/}', 'http://x:80/'],
    ['${no:{"x":{"y":1}}}', '{"x":{"y":1}}'],
    ['\\${a}', '${a}'],
    ['\\$<a>', '$<a>'],
    ['${no:\\${a}}', '${a}'],
    ['\\${a}${a}', '${a}A'],
    ['C:\\dir', 'C:\\dir'],
    ['${ a }', 'A'],
    ['${a', '${a'],
    ['${x ${a} y', '${x A y'],
    ['${a:${', '${a:${'],
    ['$a {a} $', '$a {a} $'],
    ['a > b, $<a> > c', 'a > b, A > c'],
    ['${no}', '<${no}>'],
    ['${no:${nope}}', '<${nope}>'],
  ])('%s → %s', (text, expected) => expect(render(text)).toBe(expected))

  test('100,000 opening brackets take no time', () => {
    const hostile = ['${'.repeat(100_000), '${a:'.repeat(100_000), '$<'.repeat(100_000) + '>'.repeat(100_000)]
    expect(cpuTime(() => hostile.forEach((text) => render(text)))).toBeLessThan(1_500)
  })
})

describe('in bootstrap.yml', () => {
  const read = (yaml: string, key: string, vars: Record<string, string> = {}) =>
    loadBootstrap(yaml, { vars }).store.get(key)

  test('with and without spring., from the file, the environment and the defaults', () => {
    const yaml =
      'spring.application.name: orders\na: ${application.name}/${spring.application.name}/${X:x}/${spring.cloud.nacos.discovery.group}'
    expect(read(yaml, 'a', { X: 'env' })).toBe('orders/orders/env/DEFAULT_GROUP')
  })

  test('a number where it was not quoted', () => {
    expect(read('port: ${P:9202}', 'port')).toBe(9202)
    expect(read('port: "${P:9202}"', 'port')).toBe('9202')
    expect(read('pin: ${PIN}', 'pin', { PIN: '007' })).toBe('007')
    expect(read('on: ${ON}', 'on', { ON: 'true' })).toBe(true)
  })

  test('a key may ask for the variable of its own name', () => {
    expect(read('port: ${PORT:80}', 'port')).toBe(80)
    expect(read('port: ${PORT:80}', 'port', { PORT: '81' })).toBe(81)
  })

  test('a list reads as names with commas', () => {
    expect(read('l: [a, b]\nx: "<${l}>"', 'x')).toBe('<a,b>')
  })

  test('a variable that holds a placeholder of its own', () => {
    expect(read('x: ${A}', 'x', { A: '${B}-${C}', B: 'b' })).toBe('b-${C}')
  })
})
