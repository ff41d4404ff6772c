import { describe, expect, test } from 'vitest'
import { parseTemplate, rendering } from '../../../src/properties/placeholders.js'
import { runAtOnce } from '../../../src/util/slices.js'
import { readYaml } from '../../../src/properties/yaml.js'
import { loadBootstrap, loadError } from '../../support/bootstrap.js'
import { cpuTime } from '../../support/cost.js'

const values: Record<string, string> = { a: 'A', 'b.c': 'BC', name: 'a', empty: '' }
const render = (text: string) =>
  runAtOnce(
    rendering(parseTemplate(text), {
      valueOf: (key) => values[key],
      unresolved: (placeholder) => `<${placeholder.source}>`,
    }),
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

describe('lists that a placeholder names', () => {
  const read = (yaml: string, key: string) => loadBootstrap(yaml).store.get(key)

  test('items are resolved first, in their order', () => {
    expect(read('l: [a, "${b}", "${c:d}"]\nb: B\nx: "<${l}>"', 'x')).toBe('<a,B,d>')
  })

  test('a circle through an item is an error that names its members', () => {
    const error = loadError('l: [a, "${x}"]\nx: ${l}')
    expect(error.message).toMatch(/x.*l\[1\]|l\[1\].*x/)
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

describe('C3: a placeholder that nothing on disk gives a value', () => {
  const YAML = `
application.name: orders
app.url: http://\${gateway.host}/api
db: { url: "jdbc:mysql://\${MYSQL_HOST}:3306/x", vm: "\${java.version}" }
`
  const remote = (yaml: string) => ({
    name: 'a.yml',
    layer: 'remote' as const,
    entries: readYaml(yaml, 'a.yml').flat(),
  })

  test('C3: does not end the start, and is resolved when it is read, over Nacos too', () => {
    const { store } = loadBootstrap(YAML)
    expect(store.get('app.url')).toBe('http://${gateway.host}/api')
    expect(store.setRemote([remote('gateway: { host: g1 }')])).toContain('app.url')
    expect([store.get('app.url'), store.get('app.url', 'local')]).toEqual(Array(2).fill('http://g1/api'))
    expect(store.text('app.url')).toBe('http://g1/api')
    store.setRemote([remote('gateway: { host: g2 }')])
    expect([store.get('app.url'), store.get('app.url', 'local')]).toEqual(Array(2).fill('http://g2/api'))
  })

  test('C3: stays as it was written where Nacos has none either, and is named', () => {
    const { store } = loadBootstrap(YAML)
    store.setRemote([remote('gateway.host: g')])
    expect([store.get('db.url'), store.get('db.vm')]).toEqual(['jdbc:mysql://${MYSQL_HOST}:3306/x', '${java.version}'])
    expect(store.unresolved()).toEqual([
      'bootstrap.yml:4:12: ${MYSQL_HOST} has no value and no default (used in db.url); it stays as written',
      'bootstrap.yml:4:53: ${java.version} has no value and no default (used in db.vm); it stays as written',
    ])
  })

  test.each(['cloud.nacos.discovery.ip', 'server.port', 'application.name', 'sidecar.drain'])(
    'C3: is an error in %s, which the sidecar itself reads',
    (key) =>
      expect(loadError(`${key}: \${NOPE}`)).toMatchObject({
        code: 'SIDECAR_PLACEHOLDER_UNRESOLVED',
        message: expect.stringContaining(`\${NOPE} has no value and no default (used in ${key})`),
      }),
  )

  test('C3: a circle that goes through Nacos ends nothing', () => {
    const { store } = loadBootstrap('a: ${b:x}')
    store.setRemote([remote('b: ${a}')])
    expect([store.get('a'), store.get('b')]).toEqual(['${b:x}', '${a}'])
    expect(store.unresolved()).toHaveLength(2)
  })
})
