import fc from 'fast-check'

/** Names that mean something to the settings, to the readers of documents, or to JavaScript. */
const NAMES = [
  ...['spring', 'application', 'name', 'profiles', 'active', 'include', 'group', 'cloud', 'nacos', 'server-addr'],
  ...['discovery', 'config', 'metadata', 'weight', 'ip', 'port', 'heart-beat-interval', 'ip-delete-timeout', 'import'],
  ...[
    'shared-configs',
    'extension-configs',
    'data-id',
    'refresh',
    'activate',
    'on-profile',
    'file-extension',
    'server',
  ],
  ...['auth', 'enabled', 'exclude-paths', 'timeout', 'feign', 'client', 'default', 'retry', 'sidecar', 'drain', 'push'],
  ...[
    'logging',
    'level',
    'a',
    'b',
    'c',
    'a.b',
    'a[0]',
    'a[1]',
    'a[99999999]',
    'db.pool',
    'dbPool',
    'DB_POOL',
    '0',
    '1',
    '-1',
  ],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '', ' ', '.', '..', '[', ']', 'é', '名'],
]

const TEXTS = [
  ...[
    '',
    ' ',
    'true',
    'on',
    'no',
    '~',
    'null',
    '0',
    '-1',
    '1e308',
    '0x1F',
    '012',
    '0o17',
    '1_000',
    '12:30:45',
    'NaN',
    '.inf',
  ],
  ...[
    '10s',
    'PT10S',
    '500ms',
    '1h',
    'auto',
    'DEFAULT',
    'a,b',
    'dev & !prod',
    '(a | b) & c',
    'nacos:a.yml',
    'optional:nacos:b.yml?group=G',
  ],
  ...[
    '${a}',
    '${b}',
    '${c:x}',
    '${a.b:${c}}',
    '${${a}}',
    '${',
    '$<a>',
    '$<a:b>',
    '\\${a}',
    '${a:',
    '${spring.application.name}',
    '${random.uuid}',
  ],
  ...[
    '{cipher}00ff',
    'http://127.0.0.1:1',
    'https://u:p@h/x',
    '127.0.0.1:8848,127.0.0.2:8848',
    '/public/**',
    '*',
    '&x',
    '*x',
    '<<',
    '!!js/function x',
  ],
]

const names = fc.oneof(
  { arbitrary: fc.constantFrom(...NAMES), weight: 6 },
  { arbitrary: fc.string({ maxLength: 8 }), weight: 1 },
)
const scalars = fc.oneof(
  { arbitrary: fc.constantFrom(...TEXTS), weight: 5 },
  fc.string({ maxLength: 20 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
)

/** A tree of names and values, as a document or as settings in code. */
export const trees: fc.Arbitrary<object> = fc.letrec<{ tree: object; value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalars, tie('tree'), fc.array(tie('value'), { maxLength: 4 })),
  tree: fc
    .array(fc.tuple(names, tie('value')), { maxLength: 6 })
    .map((pairs) => pairs.reduce<object>((object, [name, value]) => define(object, name, value), {})),
})).tree

/** `object.__proto__ = …` would set the prototype. */
function define(object: object, name: string, value: unknown): object {
  return Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}

const LINES = [
  'a: 1',
  ' b: 2',
  'a:',
  '- x',
  '  - y: ${a}',
  '---',
  '...',
  '# c',
  'a: &x {b: *x}',
  '<<: *x',
  '? k',
  ': v',
  'a: |',
  '  t',
  '\t',
  '"',
  "'",
  '{',
  '}',
  'a: [1, 2',
  '%YAML 1.1',
  '\ufeff',
  '\u0000',
  '\u202e',
]
const raggedYaml = fc.array(fc.constantFrom(...LINES), { maxLength: 30 }).map((lines) => lines.join('\n'))

/** JSON is YAML; a bite out of it is mostly neither. */
const bitten = fc
  .tuple(trees, fc.nat(400), fc.nat(20))
  .map(([tree, at, length]) => JSON.stringify(tree).slice(0, at) + JSON.stringify(tree).slice(at + length))
const blockYaml = trees.map((tree) => block(tree, 0))

function block(value: unknown, depth: number): string {
  if (value === null || typeof value !== 'object') return `${JSON.stringify(value) ?? 'null'}\n`
  const indent = '  '.repeat(depth)
  const entries = Array.isArray(value)
    ? value.map((item) => `${indent}-\n${'  '.repeat(depth + 1)}${block(item, depth + 2).trimStart()}`)
    : Object.entries(value).map(([name, inner]) => {
        const nested = inner !== null && typeof inner === 'object' && Object.keys(inner as object).length > 0
        return `${indent}${JSON.stringify(name)}:${nested ? '\n' : ' '}${block(inner, depth + 1)}`
      })
  return entries.length > 0 ? entries.join('') : Array.isArray(value) ? '[]\n' : '{}\n'
}

/** YAML and what looks like it. */
export const yamlTexts = fc.oneof(
  blockYaml,
  trees.map((tree) => JSON.stringify(tree)),
  raggedYaml,
  bitten,
  fc.string({ maxLength: 200 }),
)

const propertyLines = fc.tuple(
  names,
  fc.constantFrom('=', ':', ' ', ' = ', ''),
  scalars,
  fc.constantFrom('\n', '\r\n', '\\\n  more\n', '\\'),
)
/** .properties and what looks like it. */
export const propertiesTexts = fc.oneof(
  fc.array(propertyLines, { maxLength: 20 }).map((lines) => lines.flat().map(String).join('')),
  fc.string({ maxLength: 200 }),
)

const xmlPieces = fc.constantFrom(
  '<properties>',
  '</properties>',
  '<entry key="a.b">',
  '</entry>',
  '1',
  '<!DOCTYPE p [<!ENTITY x "xx">]>',
  '&x;',
  '&#10;',
  '&lt;',
  '<![CDATA[',
  ']]>',
  '<?xml version="1.0"?>',
  '<entry>',
)
export const xmlTexts = fc.array(xmlPieces, { maxLength: 20 }).map((pieces) => pieces.join(''))

/** Documents whose cost may grow faster than their size, up to some 60 KB. */
export const costlyTexts = fc.oneof(
  fc
    .integer({ min: 10, max: 2_500 })
    .map((n) => Array.from({ length: n }, (_, i) => `k${i}: \${k${i + 1}}`).join('\n')),
  fc
    .integer({ min: 2, max: 60 })
    .map((n) => Array.from({ length: n }, (_, i) => `d${i}: "\${d${i + 1}}\${d${i + 1}}"`).join('\n')),
  fc.integer({ min: 10, max: 20_000 }).map((n) => `a: [${'1,'.repeat(n)}1]`),
  fc.integer({ min: 2, max: 99 }).map((n) => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`),
  fc
    .integer({ min: 2, max: 500 })
    .map((n) => '${'.repeat(n) + 'a' + '}'.repeat(n))
    .map((text) => `a: '${text}'`),
  fc.integer({ min: 2, max: 2_000 }).map((n) => Array.from({ length: n }, (_, i) => `---\nk${i}: ${i}`).join('\n')),
  fc
    .integer({ min: 2, max: 30 })
    .map(
      (n) => `a0: &a0 [x]\n${Array.from({ length: n }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`).join('\n')}`,
    ),
  fc
    .integer({ min: 10, max: 5_000 })
    .map((n) => Array.from({ length: n }, (_, i) => `a[${i}]: \${b[${i}]:${i}}`).join('\n')),
)
