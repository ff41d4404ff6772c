import { dirname, join } from 'node:path'
import { existsSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { SidecarError, messageOf } from '../errors.js'
import { entriesOfObject, textEntry, type PropertyDocument } from '../properties/document.js'
import { Environment } from '../properties/environment.js'
import { documentPath, type PropertyPath } from '../properties/path.js'
import { PropertyStore } from '../properties/store.js'
import { PropertyNode } from '../properties/tree.js'
import { bindSettings } from './bind.js'
import { documentsFor, readSections } from './bootstrap-documents.js'
import { environmentDocument } from './environment-document.js'
import { displayName, findBootstrap, readText } from './files.js'
import { activeProfiles } from './profiles.js'
import { settingsSchema, type Settings } from './schema.js'
import { springProperty } from './spring-properties.js'

export interface LoadOptions {
  /** bootstrap.yml, or the folder it lies in; `false` reads none. @default SIDECAR_CONFIG, else it is looked for */
  configPath?: string | false
  /** Settings from code, nested or dotted, any spelling: stronger than everything else. */
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
}

/**
 * Finds and reads bootstrap.yml with its profiles, the environment, `.env`, the command line and code.
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
  const { file, tried } =
    explicit === false
      ? { file: undefined, tried: [] }
      : findBootstrap({ explicit, cwd, main: options.main ?? process.argv[1] })

  const home = explicit === false ? cwd : dirname(file ?? tried[0]!)
  const environment = new Environment({ ...dotEnv(home, cwd), ...variables })
  const overrides = [commandLine(options.argv ?? process.argv.slice(2)), code(options.overrides ?? {})]
  const overridden = PropertyNode.merge(overrides)
  const fromEnvironment = environmentDocument(environment, (path) => overridden.find(path)?.entry !== undefined)
  const warnings: string[] = []
  if (!file && explicit !== false) {
    const enough = fromEnvironment.entries.length > 0 || overridden.children.size > 0
    const message = `bootstrap.yml was not found; looked for ${tried.join(', ')}`
    if (explicit !== undefined || (options.required !== false && !enough)) {
      throw new SidecarError(
        'SIDECAR_SETTINGS_NOT_FOUND',
        `${message}. Create it, or point configPath or SIDECAR_CONFIG at it.`,
      )
    }
    warnings.push(message)
  }

  const storeOf = (local: readonly PropertyDocument[]) =>
    new PropertyStore({ local, overrides, environment, environmentDocument: fromEnvironment, defaultOf })
  const store = storeOf(file ? localDocuments(file, cwd, storeOf) : [])
  store.requireResolved()
  const { settings, warnings: unknown } = bindSettings(store.localView())
  return { settings, file, store, warnings: [...warnings, ...unknown] }
}

function localDocuments(
  file: string,
  cwd: string,
  storeOf: (local: PropertyDocument[]) => PropertyStore,
): PropertyDocument[] {
  const sections = readSections(file, cwd)
  // Which profiles are active is said outside the documents that depend on it.
  const common = sections.filter((section) => !section.profiles).map((section) => section.document)
  const store = storeOf(common)
  const names = (key: string) => {
    const said = store.get(key, 'local')
    const list = Array.isArray(said) ? said.map(String) : said === undefined ? [] : String(said).split(',')
    return list.map((name) => name.trim()).filter(Boolean)
  }
  const active = activeProfiles({ include: names('profiles.include'), active: names('profiles.active') })
  return documentsFor(sections, file, active, cwd)
}

/** `.env` beside bootstrap.yml; a variable of the environment itself is stronger. */
function dotEnv(folder: string, cwd: string): Record<string, string | undefined> {
  const file = join(folder, '.env')
  if (!existsSync(file)) return {}
  return parseEnv(readText(file, displayName(file, cwd)))
}

/** `--key=value` with a dotted key: anything else is the app's own. */
function commandLine(argv: readonly string[]): PropertyDocument {
  const entries = argv.flatMap((argument) => {
    const [, key, text] = /^--([A-Za-z][\w.[\]-]*)=(.*)$/s.exec(argument) ?? []
    if (key === undefined || text === undefined || !key.includes('.')) return []
    try {
      return [textEntry(documentPath(key), text, { key: `--${key}` })]
    } catch {
      return []
    }
  })
  return { name: 'command line', layer: 'command line', entries }
}

function code(overrides: object): PropertyDocument {
  try {
    return { name: 'code', layer: 'code', entries: entriesOfObject(overrides) }
  } catch (error) {
    throw new SidecarError('SIDECAR_SETTINGS_INVALID', `settings given in code: ${messageOf(error)}`)
  }
}

let defaults: PropertyNode | undefined

/** `${spring.cloud.nacos.config.file-extension}` is `yml` even where nobody wrote it, `${user.home}` is there always. */
function defaultOf(path: PropertyPath): string | undefined {
  defaults ??= PropertyNode.merge([
    { name: 'defaults', layer: 'local', entries: entriesOfObject(settingsSchema.parse({})) },
  ])
  const entry = defaults.find(path)?.entry
  return entry?.kind === 'scalar' && entry.value !== null ? entry.text : springProperty(path)
}
