import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { defineEnv } from 'nacos-sidecar/env'
import { ENV_CASES, type EnvFieldType } from '../../support/env-cases.js'
import { tempFolder } from '../../support/temp-folder.js'

const TYPES: Record<EnvFieldType, z.ZodType> = {
  str: z.string(),
  int: z.int(),
  float: z.number(),
  bool: z.boolean(),
  'list of str': z.array(z.string()),
  'list of int': z.array(z.int()),
  dict: z.record(z.string(), z.unknown()),
  'optional str': z.string().optional(),
}

const written = (name: string, text: string): string => {
  const path = join(tempFolder(), name)
  writeFileSync(path, text)
  return path
}
const messageOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    expect(error).toMatchObject({ name: 'SidecarError', code: 'SIDECAR_ENV_INVALID' })
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

test.each(ENV_CASES)('env: $name', ({ fields, variables = {}, file, expected }) => {
  const schemas = Object.entries(fields).map(([name, field]) => {
    const [type, fallback] = typeof field === 'string' ? [field] : field
    return [name, fallback === undefined ? TYPES[type] : TYPES[type].default(fallback)] as const
  })
  const read = () =>
    defineEnv(z.object(Object.fromEntries(schemas)), {
      ...{ prefix: 'DEMO_', variables },
      ...(file && { file: written(file.name, file.text) }),
    })
  if (expected instanceof RegExp) expect(messageOf(read)).toMatch(expected)
  else expect(read()).toEqual(expected)
})

test('env: fields beside schemas are defaults, and give their types', () => {
  const env = defineEnv(
    { HOST: 'localhost', PORT: 5432, DEBUG: false, TAGS: ['x'], NAME: z.string() },
    { variables: { port: '1', DEBUG: 'on', TAGS: 'a,b', NAME: 'orders' } },
  )
  const {
    HOST,
    PORT,
    DEBUG,
    TAGS,
    NAME,
  }: { HOST: string; PORT: number; DEBUG: boolean; TAGS: readonly string[]; NAME: string } = env
  expect({ HOST, PORT, DEBUG, TAGS, NAME }).toEqual({
    HOST: 'localhost',
    PORT: 1,
    DEBUG: true,
    TAGS: ['a', 'b'],
    NAME: 'orders',
  })
  expect(Object.isFrozen(env)).toBe(true)
})

test('env: one error names everything, as it must be set', () => {
  const file = written('conf.yml', 'db: { port: many }\n')
  const schema = z.object({
    KEY: z.string(),
    db: z.object({ host: z.string(), port: z.number(), password: z.string().min(20), poolSize: z.number() }),
    MODE: z.union([z.literal('a'), z.literal('b')]),
  })
  const variables = { X_DB_PASSWORD: 'hunter2', X_MODE: 'c' }
  const message = messageOf(() => defineEnv(schema, { prefix: 'X_', variables, file }))
  expect(message.replaceAll(file, 'conf.yml').split('\n')).toEqual([
    'the environment of this service is not complete:',
    '  X_KEY is not set: set it in the environment, or KEY in conf.yml',
    '  X_DB_HOST is not set: set it in the environment, or db.host in conf.yml',
    '  X_DB_PORT (conf.yml): Invalid input: expected number, received string, got "many"',
    '  X_DB_PASSWORD (the environment) is refused: its value is not shown',
    '  X_DB_POOL_SIZE is not set: set it in the environment, or db.poolSize in conf.yml',
    '  X_MODE (the environment): Invalid input, got "c"',
  ])
})

test('env: secrets are there, and masked where they are printed', () => {
  const env = defineEnv(
    { DB: z.object({ PASSWORD: z.string(), URL: z.string() }) },
    {
      variables: { DB_PASSWORD: 'hunter2', DB_URL: 'pg://a:hunter2@h/d' },
    },
  )
  expect(env.DB.PASSWORD).toBe('hunter2')
  for (const text of [inspect(env), inspect(env.DB), JSON.stringify(env), JSON.stringify(env.DB)]) {
    expect(text).toContain('***')
    expect(text).not.toContain('hunter2')
  }
})

test('env: the environment reaches into maps and lists of a file; the last file is the strongest', () => {
  const base = written('base.json', '{"db": {"host": "base", "port": 1}, "servers": [{"name": "a"}, {"name": "b"}]}')
  const own = written('own.ini', '[db]\nhost = "own ; not a comment" ; a comment\nuser = pa#ss=x\n')
  const schema = z.object({
    db: z.object({ host: z.string(), port: z.number(), user: z.string() }),
    servers: z.array(z.object({ name: z.string() })),
  })
  expect(defineEnv(schema, { file: [base, own], variables: { DB_PORT: '2', SERVERS_1_NAME: 'c' } })).toEqual({
    db: { host: 'own ; not a comment', port: 2, user: 'pa#ss=x' },
    servers: [{ name: 'a' }, { name: 'c' }],
  })
})

test('env: a variable that only begins with the name of another one takes nothing from it', () => {
  const variables = { DB_HOST: 'h', DBX: 'x' }
  expect(defineEnv(z.object({ DB: z.string().optional() }), { variables })).toEqual({ DB: undefined })
  expect(messageOf(() => defineEnv(z.object({ DB: z.string() }), { variables }))).toContain('DB is not set')
})

test('env: a file that is not there is an error, unless it may be missing', () => {
  expect(messageOf(() => defineEnv({ A: 'x' }, { file: 'nowhere.yml' }))).toContain('there is no file nowhere.yml in ')
  expect(defineEnv({ A: 'x' }, { file: 'nowhere.yml', fileOptional: true, variables: {} })).toEqual({ A: 'x' })
})

test('env: a line of INI that is none is named by its number, never by its text', () => {
  const file = written('conf.ini', 'A = 1\nhunter2\n')
  const message = messageOf(() => defineEnv({ A: 1 }, { file }))
  expect(message).toMatch(/conf\.ini, line 2: expected key = value/)
  expect(message).not.toContain('hunter2')
})

test('env: KEY=VALUE lines as shells and editors of all systems leave them', () => {
  const text =
    '\ufeffA=1\r\nexport B = two words # c\r\n\texport\tC="line 1\nline 2\\nline 3" # c\rD=\'a\\nb\'\r\n# c\n\nE=a=b==\nA=2'
  const fields = { A: '', B: '', C: '', D: '', E: '' }
  expect(defineEnv(fields, { variables: {}, file: written('conf.env', text) })).toEqual({
    ...{ A: '2', B: 'two words', C: 'line 1\nline 2\nline 3', D: 'a\\nb', E: 'a=b==' },
  })
})

test.each(['A = 1\nB: hunter2\n', 'A=1\nDB_PASSWORD hunter2', 'A="1\n2"\n[hunter2]', 'A=1\r\n=hunter2'])(
  'env: a line of KEY=VALUE that is none is named by its number, never by its text: %j',
  (text) => {
    const message = messageOf(() => defineEnv({ A: '' }, { file: written('conf.env', text) }))
    expect(message).toMatch(/conf\.env, line [23]: expected KEY=VALUE$/)
    expect(message).not.toContain('hunter2')
  },
)

test.each(['conf.env', 'conf.ini', 'conf.yml', 'conf.json', 'conf.properties'])('env: %s must be UTF-8', (name) => {
  const file = join(tempFolder(), name)
  writeFileSync(file, Buffer.from('\ufeffA=1\n', 'utf16le'))
  expect(messageOf(() => defineEnv({ A: '' }, { file }))).toContain(
    `${name} is UTF-16 (little-endian): save it as UTF-8`,
  )
  writeFileSync(file, Buffer.from('A=M\xfcller\n', 'latin1'))
  expect(messageOf(() => defineEnv({ A: '' }, { file }))).toContain(`${name} is not UTF-8`)
})

test.each<[unknown[], string]>([
  [[undefined], 'expected a schema of an object'],
  [['conf.yml'], 'expected a schema of an object'],
  [[[1]], 'expected a schema of an object'],
  [[{ A: 1 }, null], 'options are an object'],
  [[{ A: 1 }, 'conf.yml'], 'options are an object'],
  [[{ A: 1 }, { prefix: 5 }], 'prefix is text'],
  [[{ A: 1 }, { file: 5 }], 'file is the name of a file'],
  [[{ A: 1 }, { file: ['a.env', ''] }], 'file is the name of a file'],
  [[{ A: 1 }, { fileOptional: 'yes' }], 'fileOptional is true or false'],
  [[{ A: 1 }, { variables: null }], 'variables are an object'],
  [[{ A: Number }], 'A: a default is text'],
  [[{ A: 10n }], 'A: a default is text'],
  [[{ A: new Date(0) }], 'A: a default is text'],
  [[JSON.parse('{"__proto__": 1}')], '"__proto__" is not accepted'],
  [[{ A: { '~standard': { version: 1, vendor: 'x', validate: () => undefined } } }], 'A is no Standard Schema'],
])('env: wrong arguments are refused: %#', (args, message) => {
  expect(() => Reflect.apply(defineEnv, undefined, args) as unknown).toThrow(
    expect.objectContaining({
      code: 'SIDECAR_SETTINGS_INVALID',
      message: expect.stringContaining(message) as string,
    }) as Error,
  )
})

test('env: fields may have the names that every object has', () => {
  const fields = { constructor: 'c', hasOwnProperty: false, toString: 7 }
  expect({ ...defineEnv(fields, { variables: {} }) }).toEqual(fields)
  const variables = { CONSTRUCTOR: 'k', HAS_OWN_PROPERTY: 'on' }
  expect({ ...defineEnv(fields, { variables }) }).toEqual({ constructor: 'k', hasOwnProperty: true, toString: 7 })
  const schema = z.object({ valueOf: z.string() })
  expect({ ...defineEnv(schema, { variables: { VALUE_OF: 'v' } }) }).toEqual({ valueOf: 'v' })
})

test('env: a schema that throws is one of the problems, and what it quotes is shown without secrets', () => {
  const throwing = (thrown: unknown) => ({
    '~standard': {
      version: 1 as const,
      vendor: 'x',
      validate: (): never => {
        throw thrown
      },
    },
  })
  const variables = { PIN: '1', DB_PASSWORD: 'hunter2', URL: 'x' }
  const fields = {
    DB_PASSWORD: throwing(new Error('no hunter2')),
    URL: throwing(new Error('unlike hunter2')),
    C: throwing(null),
  }
  expect(
    messageOf(() => defineEnv(fields, { variables }))
      .split('\n')
      .slice(1),
  ).toEqual([
    '  DB_PASSWORD (the environment) is refused: its value is not shown',
    '  URL (the environment): its schema failed: unlike ***, got "x"',
    '  C is not set: set it in the environment',
  ])
  const whole = z
    .object({ DB_PASSWORD: z.string() })
    .refine(() => false, { error: ({ input }) => JSON.stringify(input) })
  expect(messageOf(() => defineEnv(whole, { variables }))).not.toContain('hunter2')
})

test('env: an asynchronous schema is refused', () => {
  const schema = z.string().refine(async () => true)
  expect(() => defineEnv({ A: schema }, { variables: { A: 'x' } })).toThrow(/A is asynchronous/)
})

test('env: names that would reach the prototype are no names', () => {
  const file = written('conf.json', '{"__proto__": {"x": 1}}')
  expect(() => defineEnv({ A: 1 }, { file })).toThrow(/conf\.json/)
  expect(({} as { x?: number }).x).toBeUndefined()
})
