import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { readProperty, setActiveStore } from '../../../src/config/accessors.js'
import { createConfig } from '../../../src/config/config.js'
import { readDocument, type DocumentFormat } from '../../../src/properties/formats.js'
import { loadBootstrap } from '../../support/bootstrap.js'

function storeOf(content: string, format: DocumentFormat = 'yaml', local = '') {
  const { store } = loadBootstrap(local)
  onTestFinished(() => setActiveStore(undefined))
  store.setRemote(readDocument(content, format, 'a', 'a').map((entries) => ({ name: 'a', layer: 'remote', entries })))
  return store
}

describe('J6: what YAML 1.1 of Java sees is what a typed default gets', () => {
  test.each<[string, unknown, unknown]>([
    ['0123', 0, 83],
    ['1_000', 0, 1000],
    ['12:30:45', 0, 45045],
    ['1:30', 0, 90],
    ['0b101', 0, 5],
    ['0x1F', 0, 31],
    ['+42', 0, 42],
    ['-0123', 0, -83],
    ['1_0.5', 0, 10.5],
    ['0899', 0, 899],
    ['"0123"', 0, 123],
    ['on', false, true],
    ['Off', true, false],
    ['"yes"', false, true],
  ])('J6: %s for %j is %j', (text, fallback, expected) => {
    const store = storeOf(`x: ${text}\nl: [${text}]\nm: { x: ${text} }`)
    expect(readProperty(store, 'x', fallback)).toBe(expected)
    expect(readProperty(store, 'l', [fallback])).toEqual([expected])
    expect(readProperty(store, 'm', { x: fallback })).toEqual({ x: expected })
  })

  test('J6: a placeholder, in quotes or not, has the type of the default', () => {
    const { store } = loadBootstrap('a: ${N:10}\nb: "${N:10}"\nc: "${ON}"', { vars: { ON: 'yes' } })
    expect([readProperty(store, 'a', 0), readProperty(store, 'b', 0), readProperty(store, 'c', false)]).toEqual([
      10,
      10,
      true,
    ])
    expect(store.get('b')).toBe('10')
  })

  test('J6: lines of a properties document end as Java takes them: LF, CR LF, or CR alone', () => {
    const lines = ['a=1', 'b=2\\', '  3', '#c=4', 'd=5']
    for (const end of ['\n', '\r\n', '\r']) {
      expect(storeOf(lines.join(end), 'properties').get('', 'remote')).toEqual({ a: 1, b: 23, d: 5 })
    }
    // So many that they are read in several pieces.
    const many = Array.from({ length: 20_000 }, (_, n) => `k${n}=\\\r v${n}`).join('\r')
    expect(storeOf(many, 'properties').get('k19999')).toBe('v19999')
  })

  test('J6: a properties document has no such numbers', () => {
    expect(readProperty(storeOf('x=0123', 'properties'), 'x', 0)).toBe(123)
  })

  test('C10: text stays as it was written, and a number that differs is warned of', () => {
    const store = storeOf('pin: 0123\nversion: 1.10\nflag: on\nat: 12:30:45\nhex: 0x1F')
    expect(['pin', 'version', 'flag', 'at'].map((key) => readProperty(store, key, ''))).toEqual([
      '0123',
      '1.10',
      'on',
      '12:30:45',
    ])
    expect([store.get('pin'), store.get('at'), store.get('hex')]).toEqual(['0123', '12:30:45', 31])
    expect(store.unresolved()).toEqual([
      expect.stringMatching(/^a:1:6: pin is 0123 without quotes: 83 for Java/),
      expect.stringMatching(/^a:4:5: at is 12:30:45 without quotes: 45045 for Java/),
    ])
  })

  test('J6: and what a schema gets', () => {
    const { store } = loadBootstrap('')
    store.setRemote([
      {
        name: 'a',
        layer: 'remote',
        entries: readDocument(
          'db: { pin: 0123, size: 1_000, flag: on, word: on, name: 0123, none: }',
          'yaml',
          'a',
          'a',
        )[0]!,
      },
    ])
    const config = createConfig({
      store,
      transport: {} as never,
      namespace: '',
      group: '',
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      emit: () => {},
    })
    const schema = z.object({
      pin: z.number(),
      size: z.number(),
      flag: z.boolean(),
      word: z.enum(['on', 'off']),
      name: z.string(),
      none: z.number().default(7),
    })
    expect(config.bind(schema, { prefix: 'db' }).current).toEqual({
      pin: 83,
      size: 1000,
      flag: true,
      word: 'on',
      name: '0123',
      none: 7,
    })
  })
})

describe('C8: an empty value', () => {
  const LOCAL = 'db: { pw: secret, size: 5, list: [a] }'

  test.each(['pw:', 'pw: ~', 'pw: null', 'pw: ""'])('C8: `%s` in a stronger document is empty text', (said) => {
    const store = storeOf(`db:\n  ${said}`, 'yaml', LOCAL)
    expect([store.get('db.pw'), store.text('db.pw'), readProperty(store, 'db.pw', 'default')]).toEqual(['', '', ''])
    expect(store.get('db')).toMatchObject({ pw: '', size: 5 })
  })

  test('C8: is the default for a number, and for true or false', () => {
    const store = storeOf('db: { size: }', 'yaml', LOCAL)
    expect([readProperty(store, 'db.size', 9), readProperty(store, 'db.size', true)]).toEqual([9, true])
  })

  test('C8: in a list of YAML too; null of JSON is no value', () => {
    expect(storeOf('l: [a, , c]'.replace(', ,', ', ~,')).get('l')).toEqual(['a', '', 'c'])
    const store = storeOf('{"db": {"pw": null}, "l": [1, null]}', 'json', LOCAL)
    expect([store.get('db.pw'), store.get('l')]).toEqual(['secret', [1, null]])
  })

  test('C8: null of SPRING_APPLICATION_JSON is no value', () => {
    const { store } = loadBootstrap(LOCAL, { vars: { SPRING_APPLICATION_JSON: '{"db": {"pw": null, "size": 6}}' } })
    expect(store.get('db')).toEqual({ pw: 'secret', size: 6, list: ['a'] })
  })

  test("C8: of the sidecar's own settings is none", () => {
    const { settings } = loadBootstrap(
      'cloud.nacos.discovery: { group: G }\n---\ncloud.nacos.discovery: { group: , ip: }',
    )
    expect(settings.cloud.nacos.discovery).toMatchObject({ group: 'DEFAULT_GROUP' })
  })
})

describe('J6: an XML document', () => {
  test('J6: of elements and attributes is read as Spring Cloud Alibaba reads it', () => {
    const xml = `<?xml version="1.0"?>
<!-- of the team -->
<db url="jdbc:x">
  <name>orders &amp; &#x4f60;</name>
  <pool><size> 5 </size><empty/></pool>
  <raw><![CDATA[<a> & b]]></raw>
</db>`
    const store = storeOf(xml, 'xml')
    expect(store.get('', 'remote')).toEqual({
      db: { url: 'jdbc:x', name: 'orders & 你', pool: { size: 5 }, raw: '<a> & b' },
    })
    expect(store.explain('db.name').origin).toMatchObject({ line: 4 })
  })

  test('J6: of properties gives its keys', () => {
    const xml = `<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd">
<properties><comment>none</comment><entry key="db.url">a</entry><entry key='l[0]'>b</entry></properties>`
    expect(storeOf(xml, 'xml').get('', 'remote')).toEqual({ db: { url: 'a' }, l: ['b'] })
  })

  test.each([
    ['', /no root element/],
    ['<a><b></a>', /<\/a> closes nothing/],
    ['<a>', /<a> is not closed/],
    ['<a/><b/>', /a second root element/],
    ['<a>&x;</a>', /an entity that XML does not know/],
    [`<a>${'&amp;'.repeat(20_001)}</a>`, /a value of more than 20000 entities/],
    [`<properties><entry key="${'a.'.repeat(40_000)}b">1</entry></properties>`, /names of more than 10000 characters/],
    ['<a', /a malformed tag/],
    [`<a b="${'x'.repeat(100_001)}"/>`, /a malformed tag, or one of more than 100000 characters/],
    ['<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', /a DTD with definitions/],
    [`<a>${'<b>'.repeat(200)}`, /nested more than 100 levels deep/],
    ['<__proto__><polluted>1</polluted></__proto__>', /the name "__proto__" is not accepted/],
  ])('J6: %j is refused', (xml, message) => {
    expect(() => readDocument(xml, 'xml', 'a.xml', 'a')).toThrow(message)
  })
})
