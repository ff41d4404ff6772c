import { join } from 'node:path'
import { existsSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { SidecarError, messageOf } from '../errors.js'
import { entriesOfObject, textEntry, withoutNull, type PropertyDocument } from '../properties/document.js'
import { Environment } from '../properties/environment.js'
import { formatPath, relaxed, type PropertyPath } from '../properties/path.js'
import { PropertyStore } from '../properties/store.js'
import { PropertyNode } from '../properties/tree.js'
import { isPlainObject } from '../util/is-object.js'
import { bindSettings } from './bind.js'
import { commandLine } from './command-line.js'
import { environmentDocument } from './environment-document.js'
import { homeOf, settingsPlaces } from './file-places.js'
import { displayName, readText } from './files.js'
import { loadLocalDocuments, type LocalDocuments } from './local-documents.js'
import { parseLocations } from './locations.js'
import { readOwnPackage } from './own-package.js'
import { activeProfiles, type Profiles } from '../properties/profiles.js'
import { readRunFlags, RUN_VARIABLE } from './run/run-flags.js'
import { unknownVariables } from './run/variables.js'
import { PARSED_ONCE, settingsSchema, type Settings } from './schema.js'
import { springProperty } from './spring-properties.js'
import { printable } from '../util/printable.js'

/** What SIDECAR_SETTINGS_NOT_FOUND offers. */
const NEXT_STEP = `Create it with "npx nacos-sidecar init" or with these lines, or set configPath or SIDECAR_CONFIG:
spring:
  application.name: my-service
  cloud.nacos.server-addr: 127.0.0.1:8848`

const NOTHING = { imports: [], profiles: [] }

export interface LoadOptions {
  /**
   * bootstrap.yml, another file, or the folder that bootstrap and application files lie in; `false` reads none.
   * @default SIDECAR_CONFIG, else they are looked for
   */
  configPath?: string | false
  /** Settings from code, nested or dotted, any spelling: stronger than everything else. Of a list, later ones are stronger. */
  overrides?: object
  /** @default process.env */
  env?: NodeJS.ProcessEnv
  /** `--server.port=9000` and the like. @default process.argv.slice(2) */
  argv?: readonly string[]
  /** @default process.cwd() */
  cwd?: string
  /** The main script; its package's folder is looked at last. @default process.argv[1] */
  main?: string
  /** `false`: without a bootstrap.yml the defaults, the environment and the code are enough. @default true */
  required?: boolean
}

export interface LoadedSettings {
  readonly settings: Settings
  /** `undefined` where there is none. */
  readonly file: string | undefined
  readonly store: PropertyStore
  /** To be logged: unknown keys and the like. */
  readonly warnings: readonly string[]
  /** To be logged as information. */
  readonly notes: readonly string[]
}

/**
 * Finds and reads bootstrap.yml (or nacos.yaml) and application.yml with their profiles and imports, the environment,
 * `.env`, `SPRING_APPLICATION_JSON`, the command line and code.
 *
 * @throws SidecarError SIDECAR_SETTINGS_NOT_FOUND, SIDECAR_SETTINGS_UNREADABLE, SIDECAR_SETTINGS_SYNTAX,
 * SIDECAR_SETTINGS_INVALID, SIDECAR_PLACEHOLDER_UNRESOLVED, SIDECAR_PLACEHOLDER_CYCLE
 * @example
 * const { settings, store, warnings } = loadSettings({ configPath: 'config/bootstrap.yml' })
 */
export function loadSettings(options: LoadOptions = {}): LoadedSettings {
  const cwd = options.cwd ?? process.cwd()
  const variables = options.env ?? process.env
  const explicit = options.configPath ?? (variables['SIDECAR_CONFIG'] || undefined)
  const main = options.main ?? process.argv[1]
  const home = homeOf({ explicit, cwd, main })
  const environment = new Environment({ ...dotEnv(home, cwd), ...variables })
  const argv = commandLine(options.argv ?? process.argv.slice(2))
  const flags = readRunFlags(variables[RUN_VARIABLE], main)
  const overrides = [
    ...applicationJson(environment, argv),
    ...(flags ? [flags] : []),
    argv,
    ...[options.overrides ?? {}].flat().map(code),
  ]
  const overridden = PropertyNode.merge(overrides)
  const fromEnvironment = environmentDocument(environment, (path) => overridden.find(path)?.entry !== undefined)
  const storeOf = (
    local: readonly PropertyDocument[],
    found: Pick<LocalDocuments, 'imports' | 'profiles'> = NOTHING,
  ) => {
    const { imports, profiles } = found
    const outside = { overrides, environment, environmentDocument: fromEnvironment, defaultOf }
    return new PropertyStore({ local, imports, profiles, ...outside })
  }
  const fromSpring = (key: string) => springSetting(key, overrides, environment)

  const warnings: string[] = []
  const { places, file, tried } = settingsPlaces({
    explicit,
    cwd,
    main,
    names: namesOf(fromSpring('config.name')),
    location: fromSpring('config.location'),
    additional: fromSpring('config.additional-location'),
  })
  if (file === undefined && explicit !== false) {
    const enough = flags !== undefined || fromEnvironment.entries.length > 0 || overridden.children.size > 0
    const message = `bootstrap.yml was not found; looked for ${tried.join(', ')}`
    if (explicit !== undefined || (options.required !== false && !enough)) {
      throw new SidecarError('SIDECAR_SETTINGS_NOT_FOUND', `${printable(message)}.\n${NEXT_STEP}`, { lines: true })
    }
    warnings.push(message)
  }

  const local = loadLocalDocuments({
    places,
    imports: namesOf(storeOf([]).get('config.import', 'local')).flatMap(parseLocations),
    cwd,
    main,
    viewOf: (documents) => storeOf(documents).localView(),
    profilesOf: (documents, bootstrap) =>
      activeProfiles(profilesIn(storeOf(documents)), bootstrap.length > 0 ? profilesIn(storeOf(bootstrap)) : undefined),
  })
  const named = storeOf(local.documents, local)
  const store = isNamed(named) ? named : storeOf([...packageName(cwd, main), ...local.documents], local)
  store.requireResolved()
  const { settings, warnings: unknown, notes } = bindSettings(store.localView())
  const unknownNames = unknownVariables(environment, local.documents)
  return { settings, file, store, warnings: [...warnings, ...local.warnings, ...unknownNames, ...unknown], notes }
}

function isNamed(store: PropertyStore): boolean {
  return ['application.name', 'cloud.nacos.discovery.service'].some((key) => store.get(key, 'local') !== undefined)
}

/** Where nothing else names the service, its package does: `@shop/orders` is `orders`. */
function packageName(cwd: string, main: string | undefined): PropertyDocument[] {
  const { file, name = '' } = readOwnPackage(cwd, main) ?? {}
  const plain = name.replace(/^@[^/]*\//, '')
  if (file === undefined || plain === '') return []
  return [{ name: displayName(file, cwd), layer: 'local', entries: [textEntry(['application', 'name'], plain)] }]
}

/** The active profiles are set outside of the documents that depend on them. */
function profilesIn(store: PropertyStore): Profiles {
  const names = (key: string) => namesOf(store.get(key, 'local'))
  const groups = store.get('profiles.group', 'local')
  const group = Object.entries(isPlainObject(groups) ? groups : {}).map(
    ([name, members]) => [name, namesOf(members)] as const,
  )
  return {
    include: names('profiles.include'),
    active: names('profiles.active'),
    group: Object.fromEntries(group),
  }
}

/** A list, or names separated by commas. */
function namesOf(said: unknown): string[] {
  const list = Array.isArray(said) ? said.map(String) : said === undefined ? [] : String(said).split(',')
  return list.map((name) => name.trim()).filter(Boolean)
}

/** `SPRING_APPLICATION_JSON`, or `--spring.application.json=`, which is stronger: stronger than single variables. */
function applicationJson(environment: Environment, argv: PropertyDocument): PropertyDocument[] {
  const path: PropertyPath = ['application', 'json']
  const argument = argv.entries.find((entry) => formatPath(entry.path) === 'application.json')
  const variable = environment.lookup(path)
  const name = argument ? '--spring.application.json' : (variable?.name ?? '')
  const text = argument?.text || variable?.text
  if (!text?.trim()) return []
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isPlainObject(parsed)) throw new Error('it is not a JSON object')
    return [{ name, layer: 'application json', entries: withoutNull(entriesOfObject(parsed)) }]
  } catch (error) {
    // The parser's own message quotes the text, which may hold a password.
    const why = error instanceof SyntaxError ? 'it is not JSON' : messageOf(error)
    throw new SidecarError(
      'SIDECAR_SETTINGS_SYNTAX',
      `${name}: ${why}; expected an object such as {"server":{"port":80}}`,
    )
  }
}

/**
 * What only the environment, the command line and code may set, under its full name: `CONFIG_NAME` is the app's own.
 */
function springSetting(key: string, overrides: readonly PropertyDocument[], environment: Environment) {
  const name = relaxed(`spring.${key}`)
  const entries = overrides.flatMap((document) => document.entries)
  const entry = entries.findLast((one) => relaxed(one.key.replace(/^--/, '')) === name)
  if (entry) return entry.text
  const variable = environment.lookup(key.split('.'))
  return variable && /^spring/i.test(variable.name) ? variable.text : undefined
}

/** `.env` beside bootstrap.yml; a variable of the environment itself is stronger. */
function dotEnv(folder: string, cwd: string): Record<string, string | undefined> {
  const file = join(folder, '.env')
  if (!existsSync(file)) return {}
  return parseEnv(readText(file, displayName(file, cwd)))
}

function code(overrides: object): PropertyDocument {
  try {
    return { name: 'code', layer: 'code', entries: entriesOfObject(overrides) }
  } catch (error) {
    throw new SidecarError('SIDECAR_SETTINGS_INVALID', `settings given in code: ${messageOf(error)}`)
  }
}

let defaults: PropertyNode | undefined

/**
 * `${spring.cloud.nacos.config.file-extension}` is `yml` even where no file sets it, `${user.home}` is there always.
 */
function defaultOf(path: PropertyPath): string | undefined {
  defaults ??= PropertyNode.merge([
    { name: 'defaults', layer: 'local', entries: entriesOfObject(settingsSchema.parse({}, PARSED_ONCE)) },
  ])
  const entry = defaults.find(path)?.entry
  return entry?.kind === 'scalar' && entry.value !== null ? entry.text : springProperty(path)
}
