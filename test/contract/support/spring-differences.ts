import type { Answer } from '../../support/spring-setups.js'

/** Keys that have another value here than in Spring, on purpose. */
export interface Deliberate {
  /** The first cell of the row in docs/migration.md that says so, and why. */
  readonly row: string
  readonly keys: readonly {
    /** The set-up and the run. */
    readonly run: string
    /** What this library answers, by question. */
    readonly ours: Readonly<Record<string, Answer>>
  }[]
}

export const DIFFERENT: readonly Deliberate[] = [
  {
    row: 'an unquoted YAML word read as text',
    keys: [
      {
        run: 'documents, formats',
        ours: {
          'text typed.octal': '0123',
          'text typed.underscored': '1_000',
          'text typed.sexagesimal': '12:30:45',
          'text typed.minutes': '1:30',
          'text typed.hex': '0x1F',
          'text typed.binary': '0b101',
          'text typed.float': '1.10',
          'text typed.exponent': '1e3',
          'text typed.exponent-dot': '1.5e3',
          'text typed.plus': '+42',
          'text typed.infinity': '.inf',
          'text typed.on-word': 'on',
          'text typed.off-word': 'off',
          'text typed.yes-word': 'yes',
          'text typed.no-word': 'no',
          'text typed.true-upper': 'TRUE',
          'text typed.true-title': 'True',
          'text typed.minus-zero': '00',
          'text lists.numbers[1]': '2.50',
          'text lists.numbers[2]': '0x10',
          'text placeholders.number': '0x1F',
          'text json.float': '1.50',
          'text json.exponent': '1e3',
          'text json.placeholder': '0x1F-none',
          'bind typed.octal': '0123',
        },
      },
    ],
  },
  {
    row: 'a list or a map read as text',
    keys: [
      {
        run: 'documents, formats',
        ours: {
          'text lists.block': 'a,b,c',
          'text lists.objects': { refused: true },
          'text maps.plain': { refused: true },
        },
      },
    ],
  },
  {
    row: 'the YAML numbers `1` and `0` read as booleans',
    keys: [{ run: 'documents, formats', ours: { 'boolean typed.one': true, 'boolean typed.zero': false } }],
  },
  {
    row: 'infinity',
    keys: [{ run: 'documents, formats', ours: { 'double typed.infinity': { refused: true } } }],
  },
]

/** Keys that are wrong still, and whose work it is to mend them. One that has become right fails. Ends empty. */
export const OPEN: Readonly<Record<string, string>> = {
  'bootstrap-mode, dev: text server.port': 'spring',
  'bootstrap-mode, dev: text server.servlet.context-path': 'spring',
  'bootstrap-mode, dev: text order.from-application': 'spring',
  'bootstrap-mode, dev: text order.from-profile': 'spring',
  'bootstrap-mode, dev: text order.local-only': 'spring',
  'bootstrap-mode, dev: text order.greeting': 'spring',
  'bootstrap-mode, dev: text order.dev-only': 'spring',
  'bootstrap-mode, dev: text logging.level.com.example.order': 'spring',
  'bootstrap-mode, dev: text datasource.url': 'spring',
  'bootstrap-mode, dev: text order.own-plain': 'spring',
  'bootstrap-mode, dev: text order.countries[0]': 'spring',
  'bootstrap-mode, dev: text order.countries[1]': 'spring',
  'bootstrap-mode, dev: text order.retry.backoff': 'spring',
  'bootstrap-mode, dev: int server.port': 'spring',
  'bootstrap-mode, dev: int order.limits.large': 'spring',
  'bootstrap-mode, dev: boolean order.dev-only': 'spring',
  'bootstrap-mode, dev: list order.countries': 'spring',
  'bootstrap-mode, dev: map order.limits': 'spring',
  'bootstrap-mode, dev: bind server.servlet.context-path': 'spring',
  'bootstrap-mode, dev, changed: text common.where': 'spring',
  'bootstrap-mode, dev, changed: text common.zone': 'spring',
  'bootstrap-mode, dev, changed: text ext.first': 'spring',
  'bootstrap-mode, dev, changed: text order.message': 'spring',
  'bootstrap-mode, prod and eu: text order.from-profile': 'spring',
  'bootstrap-mode, prod and eu: text order.countries[0]': 'spring',
  'bootstrap-mode, prod and eu: list order.countries': 'spring',
  'documents, formats: text typed.tilde': 'documents',
  'documents, formats: text typed.null-word': 'documents',
  'documents, formats: text typed.null-title': 'documents',
  'documents, formats: text typed.empty': 'documents',
  'documents, formats: text lists.with-null[1]': 'documents',
  'documents, formats: text xml.name': 'documents',
  'documents, formats: text xml.port': 'documents',
  'documents, formats: text xml.nested.first': 'documents',
  'documents, formats: text xml.nested.second': 'documents',
  'documents, formats: text xml.escaped': 'documents',
  'documents, formats: text xml.cdata': 'documents',
  'documents, formats: text xml.placeholder': 'documents',
  'documents, formats: text properties.entry': 'documents',
  'documents, formats: text own.plain': 'spring',
  'documents, formats: int typed.octal': 'documents',
  'documents, formats: int typed.underscored': 'documents',
  'documents, formats: int typed.sexagesimal': 'documents',
  'documents, formats: int typed.minutes': 'documents',
  'documents, formats: int typed.empty-quoted': 'documents',
  'documents, formats: int xml.port': 'documents',
  'documents, formats: boolean typed.empty-quoted': 'documents',
  'documents, formats: list lists.with-null': 'documents',
  'documents, formats: list typed.empty': 'documents',
  'documents, formats: bind typed.empty': 'documents',
  'documents, formats: bind typed.tilde': 'documents',
  'documents, formats: bind-int typed.underscored': 'documents',
  'documents, formats: bind-int typed.sexagesimal': 'documents',
  'documents, flat beside nested: text flat.nested.one': 'documents',
  'documents, flat beside nested: text flat.nested.two': 'documents',
  'documents, flat beside nested: text flat.only.flat': 'documents',
  'documents, flat beside nested: text flat.dotted.key': 'documents',
  'documents, flat beside nested: text flat.mixed.deep.leaf': 'documents',
  'documents, flat beside nested: text late.nested.one': 'documents',
  'documents, flat beside nested: map flat': 'documents',
}
