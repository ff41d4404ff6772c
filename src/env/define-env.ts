import { convertTo, type Widen } from '../config/typed.js'
import { frozenCopy, relaxedInput, type Frozen } from '../config/relaxed-input.js'
import { messageOf, SidecarError } from '../errors.js'
import { formatPath, type PropertyPath } from '../properties/path.js'
import { isSecret, masked } from '../properties/secrets.js'
import { maskWhenPrinted } from '../settings/mask-when-printed.js'
import { isObject, isPlainObject } from '../util/is-object.js'
import { isSchema, type StandardIssue, type StandardResult, type StandardSchema } from '../util/standard-schema.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import { readEnvFile } from './env-file.js'
import { EnvValues, snake } from './env-values.js'

/** A value of the environment by its name: a schema, or a default, whose type is the type of the value. */
export type EnvFields = Readonly<Record<string, unknown>>

/** What `defineEnv` makes of these fields. */
export type EnvOf<F extends EnvFields> = {
  readonly [K in keyof F]: F[K] extends StandardSchema<infer Output> ? Frozen<Output> : Widen<F[K]>
}

export interface EnvOptions {
  /** Before the names of variables: with `DEMO_`, the field `DB_PORT` is the variable `DEMO_DB_PORT`. @default '' */
  readonly prefix?: string
  /**
   * Files with values, the last one the strongest; a variable is stronger than all. `.json`, `.yml`, `.yaml`, `.properties`, `.ini`;
   * any other name holds `KEY=VALUE` lines. Relative names are looked for in the working directory. Names in files have no prefix.
   * @default none
   */
  readonly file?: string | readonly string[]
  /** `true` if a file may be missing. @default false */
  readonly fileOptional?: boolean
  /** The variables; `{}` reads files only. @default process.env */
  readonly variables?: Readonly<Record<string, string | undefined>>
}

/**
 * The typed environment of a service: variables over files over defaults, under names in any case, checked as a whole. The
 * result is frozen, and secrets in it are masked where it is printed.
 *
 * A text becomes a number, true or false, a list (`a,b`) or JSON where the schema refuses it as text. `z.coerce.boolean()` makes
 * `true` of any text; `z.boolean()` reads `false`, `off`, `no` and `0` as well.
 *
 * @param of a schema of an object (zod, valibot, arktype: Standard Schema), or a map of fields
 * @throws SidecarError `SIDECAR_ENV_INVALID` with one line for each value that is missing or refused, under the name that must be
 * set; `SIDECAR_SETTINGS_INVALID` for a wrong argument
 * @example
 * export const env = defineEnv(
 *   { DB_HOST: 'localhost', DB_PORT: 5432, DB_PASSWORD: z.string().min(1), DEBUG: false },
 *   { prefix: 'DEMO_', file: 'conf.yml', fileOptional: true },
 * )
 */
export function defineEnv<T>(of: StandardSchema<T>, options?: EnvOptions): Frozen<T>
export function defineEnv<const F extends EnvFields>(of: F, options?: EnvOptions): EnvOf<F>
export function defineEnv(of: StandardSchema | EnvFields, options: EnvOptions = {}): unknown {
  checkArguments(of, options)
  const { prefix = '', file = [], fileOptional = false, variables = process.env } = options
  const schema = isSchema(of) ? of : schemaOf(of)
  const names = typeof file === 'string' ? [file] : file
  const files = names.flatMap((name) => readEnvFile(name, process.cwd(), fileOptional) ?? [])
  const values = new EnvValues(variables, prefix, files)
  const result = validate(schema, values)
  if (!result.issues) return frozenCopy(result.value, maskWhenPrinted)
  const problems = result.issues.map((issue) => problemText(issue, values, prefix, names))
  throw new SidecarError(
    'SIDECAR_ENV_INVALID',
    `the environment of this service is not complete:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    { lines: true },
  )
}

const OPTIONS: OptionNames<EnvOptions> = { prefix: true, file: true, fileOptional: true, variables: true }

/** @throws SidecarError `SIDECAR_SETTINGS_INVALID` */
function checkArguments(of: unknown, options: unknown): void {
  if (!isObject(options)) throw wrong("options are an object, such as { file: 'conf.yml' }")
  refuseUnknown(options, OPTIONS, wrong)
  const { prefix = '', file = [], fileOptional = false, variables = process.env } = options
  if (typeof prefix !== 'string') throw wrong(`prefix is text, got ${typeof prefix}`)
  if (![file].flat().every((name) => typeof name === 'string' && name !== ''))
    throw wrong('file is the name of a file, or a list of names')
  if (typeof fileOptional !== 'boolean') throw wrong('fileOptional is true or false')
  if (!isObject(variables)) throw wrong('variables are an object, such as process.env')
  if (isSchema(of)) return
  if (!isPlainObject(of)) throw wrong('expected a schema of an object (zod, valibot, arktype), or a map of fields')
  for (const [name, field] of Object.entries(of)) {
    if (name === '__proto__') throw wrong('the name "__proto__" is not accepted')
    if (!isSchema(field) && !isExample(field))
      throw wrong(`${name}: a default is text, a number, true or false, a list or a map; for others give a schema`)
  }
}

const isExample = (value: unknown) =>
  value === undefined ||
  value === null ||
  ['string', 'number', 'boolean'].includes(typeof value) ||
  Array.isArray(value) ||
  isPlainObject(value)

/** Fields as one schema, so that all problems are found together. */
function schemaOf(fields: EnvFields): StandardSchema {
  const validateAll = (input: unknown): StandardResult<unknown> => {
    const issues: StandardIssue[] = []
    const value: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(fields)) {
      // `in` makes `input` look for a value; what is no own property then is there by its prototype: `constructor`.
      const isThere = name in (input as object) && Object.hasOwn(input as object, name)
      const raw = isThere ? (input as Record<string, unknown>)[name] : undefined
      const result = isSchema(field) ? resultOf(field, raw, name) : byExample(name, raw, field)
      if (result.issues) {
        issues.push(...result.issues.map((issue) => ({ ...issue, path: [name, ...(issue.path ?? [])] })))
      } else value[name] = result.value
    }
    return issues.length > 0 ? { issues } : { value }
  }
  return { '~standard': { version: 1, vendor: 'nacos-sidecar', validate: validateAll } }
}

function byExample(name: string, raw: unknown, example: unknown): StandardResult<unknown> {
  try {
    return { value: convertTo(name, raw, example) }
  } catch (error) {
    return {
      issues: [
        {
          message: messageOf(error)
            .replace(`${name}: `, '')
            .replace(/, got .*$/s, ''),
        },
      ],
    }
  }
}

/**
 * What is refused is converted, and all is asked again, until nothing is left that a value may mean. The complaints are those about
 * what is written.
 */
function validate(schema: StandardSchema, values: EnvValues): StandardResult<unknown> {
  const written = new Map<string, StandardIssue>()
  for (;;) {
    const result = resultOf(schema, relaxedInput(values, []), 'the schema')
    if (!result.issues) return result
    // Each place once, although a union has several issues there.
    const refused = new Map(result.issues.map((issue) => [pathOf(issue).join('.'), issue]))
    for (const [place, issue] of refused) if (!written.has(place)) written.set(place, issue)
    const converted = [...refused.values()].map((issue) => values.convert(pathOf(issue)))
    if (!converted.includes(true)) return { issues: [...refused.keys()].map((place) => written.get(place)!) }
  }
}

function resultOf(schema: StandardSchema, input: unknown, name: string): StandardResult<unknown> {
  let result: unknown
  try {
    result = schema['~standard'].validate(input)
  } catch (error) {
    if (error instanceof SidecarError) throw error
    return { issues: [{ message: `its schema failed: ${messageOf(error)}` }] }
  }
  if (result instanceof Promise) {
    result.catch(() => {})
    // zod tries again in its asynchronous way.
    throw wrong(`${name} is asynchronous, or a function in it threw; it needs a synchronous schema`)
  }
  if (!isObject(result)) throw wrong(`${name} is no Standard Schema: it returned ${typeof result}`)
  return result as unknown as StandardResult<unknown>
}

const wrong = (why: string) => new SidecarError('SIDECAR_SETTINGS_INVALID', `defineEnv: ${why}`)

const pathOf = ({ path = [] }: StandardIssue): PropertyPath =>
  path
    .map((part) => (typeof part === 'object' ? part.key : part))
    .map((key) => (typeof key === 'number' ? key : String(key)))

function problemText(issue: StandardIssue, values: EnvValues, prefix: string, files: readonly string[]): string {
  const path = pathOf(issue)
  const message = values.hide(issue.message)
  if (path.length === 0) return message
  const variable = prefix + snake(path.join('_')).toUpperCase()
  const found = values.find(path)
  if (!found) {
    const inFile = files.length > 0 ? `, or ${formatPath(path)} in ${files.join(' or ')}` : ''
    return `${variable} is not set: set it in the environment${inFile}`
  }
  // Some libraries quote the value they refuse.
  if (isSecret(path)) return `${variable} (${found.place}) is refused: its value is not shown`
  return `${variable} (${found.place}): ${message}, got ${JSON.stringify(masked(path, found.text))}`
}
