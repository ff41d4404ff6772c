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
    row: 'the environment or Nacos: which is stronger',
    keys: [
      {
        run: 'precedence-bootstrap, every source',
        ours: {
          'text who.arg-remote': 'argument',
          'text who.env-remote': 'environment',
          'text who.json-remote': 'SPRING_APPLICATION_JSON',
          'text who.arg-env-json-profile-file-remoteprofile-remote': 'argument',
          'text labels.row': 'env',
          'map labels': { rack: 'json', row: 'env', zone: 'remote' },
          'bind relaxed.pool-size': '10',
          'bind relaxed.max-idle': '20',
          'bind-int relaxed.pool-size': 10,
          'text hosts-remote[0]': 'arg-1',
          'text hosts-remote[1]': null,
          'list hosts-remote': ['arg-1'],
        },
      },
    ],
  },
  {
    row: 'one item of a list that a stronger source replaces',
    keys: [
      { run: 'bootstrap-mode, dev', ours: { 'text order.countries[1]': null } },
      { run: 'precedence-bootstrap, every source', ours: { 'text ports[1]': null } },
      { run: 'precedence-import, every source', ours: { 'text ports[1]': null, 'text hosts-remote[1]': null } },
      { run: 'local-files, no profile', ours: { 'text local.list[2]': null } },
      { run: 'local-files, dev', ours: { 'text local.list[2]': null } },
    ],
  },
  {
    row: 'an environment variable that is empty',
    keys: [
      { run: 'precedence-bootstrap, every source', ours: { 'text empty.by-env': 'file' } },
      { run: 'precedence-import, every source', ours: { 'text empty.by-env': 'file' } },
    ],
  },
  {
    row: '`spring.config.activate.on-profile` in a Nacos document, bootstrap mode',
    keys: [
      {
        run: 'profiles-bootstrap, none',
        ours: { 'text catalog.sections': 'none', 'text catalog.section-dev': null, 'text catalog.section-prod': null },
      },
      {
        run: 'profiles-bootstrap, dev',
        ours: { 'text catalog.sections': 'dev', 'text catalog.section-prod': null },
      },
      {
        run: 'profiles-bootstrap, dev and eu',
        ours: { 'text catalog.sections': 'dev', 'text catalog.section-prod': null },
      },
      {
        run: 'profiles-bootstrap, prod',
        ours: { 'text catalog.section-dev': null },
      },
      {
        run: 'profiles-bootstrap, staging',
        ours: { 'text catalog.sections': 'none', 'text catalog.section-dev': null, 'text catalog.section-prod': null },
      },
      {
        run: 'profiles-bootstrap, b',
        ours: { 'text catalog.sections': 'none', 'text catalog.section-dev': null, 'text catalog.section-prod': null },
      },
    ],
  },
  {
    row: '`refreshEnabled=false`, import mode',
    keys: [{ run: 'import-mode, dev, changed', ours: { 'text payment.still': 'first edition' } }],
  },
  {
    row: 'an unquoted YAML word, read as text',
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
          'text xml.placeholder': '0x1F',
          'bind typed.octal': '0123',
        },
      },
    ],
  },
  {
    row: 'an unquoted YAML word, read as text',
    keys: [
      {
        run: 'import-mode, dev',
        ours: {
          'text payment.limits.monthly': '20_000',
          'map payment.limits': { daily: '1000', monthly: '20_000' },
        },
      },
    ],
  },
  {
    row: 'a list or a map, read as text',
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
    row: 'the YAML numbers `1` and `0`, read as booleans',
    keys: [{ run: 'documents, formats', ours: { 'boolean typed.one': true, 'boolean typed.zero': false } }],
  },
  {
    row: 'XML documents',
    keys: [
      {
        run: 'documents, formats',
        ours: {
          'text entries.name': 'from entries',
          'text entries.port': '9090',
          'text entries.list[0]': 'zero',
          'text entries.escaped': 'a < b',
          'text properties.entry': null,
          'int entries.port': 9090,
          'list entries.list': ['zero'],
        },
      },
    ],
  },
  {
    row: 'a `nacos:` import that is not in Nacos',
    keys: [
      {
        run: 'import-mode, absent',
        ours: { 'text payment.absent-profile': 'the start failed: SIDECAR_CONFIG_NOT_FOUND' },
      },
    ],
  },
  {
    row: '`--key` without a value on the command line',
    keys: [
      { run: 'precedence-bootstrap, every source', ours: { 'text arg.flag': null } },
      { run: 'precedence-import, every source', ours: { 'text arg.flag': null } },
    ],
  },
  {
    row: 'infinity',
    keys: [{ run: 'documents, formats', ours: { 'double typed.infinity': { refused: true } } }],
  },
]

/** Keys that are wrong still, and whose work it is to mend them. One that has become right fails. Ends empty. */
export const OPEN: Readonly<Record<string, string>> = {}
