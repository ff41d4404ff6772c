/** What a field is: the type that UtilMeta and our schema are both given. */
export type EnvFieldType = 'str' | 'int' | 'float' | 'bool' | 'list of str' | 'list of int' | 'dict' | 'optional str'

/** One small environment, with the answer that a person would expect. */
export interface EnvCase {
  readonly name: string
  /** `A: 'int'`, or with a default: `A: ['int', 3]`. */
  readonly fields: Readonly<Record<string, EnvFieldType | readonly [EnvFieldType, unknown]>>
  /** All begin with `DEMO_`, the prefix, but for those that must not be seen. */
  readonly variables?: Readonly<Record<string, string>>
  readonly file?: { readonly name: string; readonly text: string }
  /** The values, or a part of the error. */
  readonly expected: Readonly<Record<string, unknown>> | RegExp
  /** Why UtilMeta answers otherwise, where it is not right. */
  readonly notUtilMeta?: string
}

export const ENV_CASES: readonly EnvCase[] = [
  { name: 'text', fields: { A: 'str' }, variables: { DEMO_A: 'x' }, expected: { A: 'x' } },
  { name: 'a text of digits stays text', fields: { A: 'str' }, variables: { DEMO_A: '007' }, expected: { A: '007' } },
  { name: 'a number', fields: { A: 'int' }, variables: { DEMO_A: '5' }, expected: { A: 5 } },
  { name: 'a number with blanks', fields: { A: 'int' }, variables: { DEMO_A: ' 5 ' }, expected: { A: 5 } },
  { name: 'a number with zeros', fields: { A: 'int' }, variables: { DEMO_A: '007' }, expected: { A: 7 } },
  {
    name: 'no number',
    fields: { A: 'int' },
    variables: { DEMO_A: 'abc' },
    expected: /DEMO_A .*expected number.*"abc"/,
  },
  {
    name: 'a fraction is no whole number',
    fields: { A: 'int' },
    variables: { DEMO_A: '1.5' },
    expected: /DEMO_A .*"1\.5"/,
    notUtilMeta: 'it cuts the fraction off, and says nothing',
  },
  { name: 'a fraction', fields: { A: 'float' }, variables: { DEMO_A: '1.50' }, expected: { A: 1.5 } },
  {
    name: 'an empty number',
    fields: { A: 'int' },
    variables: { DEMO_A: '' },
    expected: /DEMO_A/,
    notUtilMeta: 'it reads 0: a port that was forgotten becomes any port',
  },
  {
    name: 'an empty number with a default',
    fields: { A: ['int', 3] },
    variables: { DEMO_A: '' },
    expected: { A: 3 },
    notUtilMeta: 'it fails; a platform sets empty variables for what is left to the default',
  },
  { name: 'true', fields: { A: 'bool' }, variables: { DEMO_A: 'true' }, expected: { A: true } },
  { name: 'False', fields: { A: 'bool' }, variables: { DEMO_A: 'False' }, expected: { A: false } },
  { name: 'off', fields: { A: 'bool' }, variables: { DEMO_A: 'off' }, expected: { A: false } },
  { name: 'yes', fields: { A: 'bool' }, variables: { DEMO_A: 'yes' }, expected: { A: true } },
  { name: '0', fields: { A: 'bool' }, variables: { DEMO_A: '0' }, expected: { A: false } },
  {
    name: 'neither true nor false',
    fields: { A: 'bool' },
    variables: { DEMO_A: '2' },
    expected: /DEMO_A .*boolean/,
    notUtilMeta: 'it reads true',
  },
  { name: 'a default', fields: { A: ['bool', false] }, expected: { A: false } },
  { name: 'a list', fields: { A: 'list of str' }, variables: { DEMO_A: 'a,b' }, expected: { A: ['a', 'b'] } },
  {
    name: 'a list as JSON',
    fields: { A: 'list of str' },
    variables: { DEMO_A: '["a","b"]' },
    expected: { A: ['a', 'b'] },
  },
  { name: 'a list of numbers', fields: { A: 'list of int' }, variables: { DEMO_A: '1,2' }, expected: { A: [1, 2] } },
  { name: 'a map as JSON', fields: { A: 'dict' }, variables: { DEMO_A: '{"a":1}' }, expected: { A: { a: 1 } } },
  { name: 'a variable in small letters', fields: { A: 'str' }, variables: { demo_a: 'x' }, expected: { A: 'x' } },
  {
    name: 'a field in camel case',
    fields: { dbHost: 'str' },
    variables: { DEMO_DBHOST: 'x' },
    expected: { dbHost: 'x' },
  },
  {
    name: 'a field in camel case, as variables are written',
    fields: { dbHost: 'str' },
    variables: { DEMO_DB_HOST: 'x' },
    expected: { dbHost: 'x' },
    notUtilMeta: 'it knows one spelling beside the case',
  },
  {
    name: 'without the prefix',
    fields: { NO_PREFIX: 'str' },
    variables: { NO_PREFIX: 'x' },
    expected: /DEMO_NO_PREFIX is not set/,
  },
  { name: 'nothing', fields: { A: 'str' }, expected: /DEMO_A is not set/ },
  { name: 'nothing, and that is fine', fields: { A: 'optional str' }, expected: { A: undefined } },
  {
    name: 'the environment is stronger than the file',
    fields: { A: 'str' },
    variables: { DEMO_A: 'variable' },
    file: { name: 'conf.json', text: '{"A": "file"}' },
    expected: { A: 'variable' },
  },
  { name: 'JSON', fields: { A: 'int' }, file: { name: 'conf.json', text: '{"a": 7}' }, expected: { A: 7 } },
  {
    name: 'a number of JSON as text',
    fields: { A: 'str' },
    file: { name: 'conf.json', text: '{"A": 7}' },
    expected: { A: '7' },
  },
  { name: 'broken JSON', fields: { A: 'str' }, file: { name: 'conf.json', text: '{"A": "x"' }, expected: /conf\.json/ },
  { name: 'YAML', fields: { A: 'int' }, file: { name: 'conf.yml', text: 'A: 7\n' }, expected: { A: 7 } },
  { name: 'KEY=VALUE', fields: { A: 'int' }, file: { name: 'conf.env', text: 'A=7\n' }, expected: { A: 7 } },
  {
    name: 'a value with a sign in it',
    fields: { A: 'str' },
    file: { name: 'conf.env', text: 'A=x=y\n' },
    expected: { A: 'x=y' },
    notUtilMeta: 'it refuses the line',
  },
  {
    name: 'a comment',
    fields: { A: 'str' },
    file: { name: 'conf.env', text: '# a comment\nA=x\n' },
    expected: { A: 'x' },
    notUtilMeta: 'it refuses the line',
  },
  {
    name: 'INI with a section',
    fields: { DB_HOST: 'str' },
    file: { name: 'conf.ini', text: '; a comment\n[db]\nhost = x\n' },
    expected: { DB_HOST: 'x' },
    notUtilMeta: 'it knows no sections',
  },
]
