import ts from 'typescript'

/** A section of the settings that has an interface of its own, and the file in src/settings/types/ that it is in. */
interface NamedSection {
  /** From the root; `*` is any name: `feign.client.*`. */
  readonly path: string
  readonly name: string
  readonly file: string
}

/** A file for each file of src/settings/schema/, or for each part of it that is long. */
const NAMED: readonly NamedSection[] = [
  { path: '', name: 'Settings', file: 'settings' },
  { path: 'cloud.nacos', name: 'NacosSettings', file: 'nacos' },
  { path: 'cloud.nacos.discovery', name: 'DiscoverySettings', file: 'discovery' },
  { path: 'cloud.nacos.config', name: 'ConfigSettings', file: 'config' },
  { path: 'auth', name: 'AuthSettings', file: 'auth' },
  { path: 'feign.client.*', name: 'FeignClientSettings', file: 'feign' },
  { path: 'sidecar', name: 'SidecarSettings', file: 'sidecar' },
  { path: 'sidecar.ejection', name: 'EjectionSettings', file: 'ejection' },
  { path: 'sidecar.observe', name: 'ObserveSettings', file: 'observe' },
  { path: 'sidecar.alerts', name: 'AlertSettings', file: 'alerts' },
  { path: 'sidecar.events', name: 'EventsSettings', file: 'events' },
  { path: 'management', name: 'ManagementSettings', file: 'management' },
]

/** How to reach one Nacos cluster: the keys that these sections have in common are in an interface that they extend. */
const CONNECTION = { name: 'ConnectionSettings', file: 'connection' }
const CONNECTED = ['cloud.nacos', 'cloud.nacos.discovery', 'cloud.nacos.config']

const HEAD = '// Written by `npm run schema` from ../schema.ts and ../schema/: change those.\n'

/**
 * Spells the inferred type of the settings out, so that what reads the published types needs no zod.
 *
 * @returns the text of each file in src/settings/types/, by its name without extension
 */
export function settingsTypes(checker: ts.TypeChecker, settings: ts.Type): Map<string, string> {
  const writer = new TypeWriter(checker, connectionKeys(checker, settings))
  const typeOf = (path: string) => typeAt(checker, settings, path)
  const files = new Map(NAMED.map(({ path, name, file }) => [file, writer.interface(typeOf(path), path, name)]))
  return files.set(CONNECTION.file, writer.connection(typeOf(CONNECTED[0]!)))
}

class TypeWriter {
  /** Interfaces that the file which is being written refers to. */
  private used = new Set<{ readonly name: string; readonly file: string }>()

  constructor(
    private readonly checker: ts.TypeChecker,
    private readonly shared: ReadonlySet<string>,
  ) {}

  interface(type: ts.Type, path: string, name: string): string {
    this.used = new Set()
    const extended = CONNECTED.includes(path)
    if (extended) this.used.add(CONNECTION)
    const body = this.section(type, path)
    const imports = [...this.used].map((one) => `import type { ${one.name} } from './${one.file}.js'\n`).sort()
    const what =
      path === ''
        ? 'bootstrap.yml with every default filled in; frozen. Durations are milliseconds.'
        : `The settings below \`${path.replace('*', '<name>')}\`.`
    return [
      HEAD,
      imports.join(''),
      `/** ${what} */`,
      `export interface ${name} ${extended ? `extends ${CONNECTION.name} ` : ''}${body}\n`,
    ].join('\n')
  }

  connection(type: ts.Type): string {
    const lines = this.properties(type)
      .filter(({ name }) => this.shared.has(name))
      .map((property) => this.line(property, CONNECTED[0]!))
    const what = 'How to reach one Nacos cluster; `discovery` and `config` inherit the keys that they do not set.'
    return `${HEAD}\n/** ${what} */\nexport interface ${CONNECTION.name} {\n${lines.join('\n')}\n}\n`
  }

  private section(type: ts.Type, path: string): string {
    const own = this.properties(type).filter(({ name }) => !CONNECTED.includes(path) || !this.shared.has(name))
    const lines = own.map((property) => this.line(property, path))
    const each = type.getStringIndexType()
    if (each) lines.push(`readonly [name: string]: ${this.spell(each, below(path, '*'))}`)
    return `{\n${lines.join('\n')}\n}`
  }

  private line(property: ts.Symbol, path: string): string {
    const optional = property.flags & ts.SymbolFlags.Optional ? '?' : ''
    const type = this.spell(this.checker.getTypeOfSymbol(property), below(path, property.name))
    return `${comment(this.checker, property)}readonly ${property.name}${optional}: ${type}`
  }

  private spell(type: ts.Type, path: string): string {
    const { checker } = this
    const named = NAMED.find((one) => one.path === path)
    if (named) {
      this.used.add(named)
      return named.name
    }
    if (type.isUnion() && !(type.flags & ts.TypeFlags.Boolean)) {
      // `boolean` is a union as well, and is not to be taken apart.
      const flags = type.types.filter((one) => one.flags & ts.TypeFlags.BooleanLiteral)
      const rest = type.types.filter((one) => flags.length < 2 || !(one.flags & ts.TypeFlags.BooleanLiteral))
      const parts = rest.map((one) => this.spell(one, `${path}|`))
      return [...new Set(flags.length === 2 ? [...parts, 'boolean'] : parts)].sort(undefinedLast).join(' | ')
    }
    const item = checker.isArrayType(type) && checker.getTypeArguments(type as ts.TypeReference)[0]
    if (item) return `readonly (${this.spell(item, `${path}[]`)})[]`
    const isSection = type.flags & ts.TypeFlags.Object && type.getCallSignatures().length === 0
    return isSection ? this.section(type, path) : checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
  }

  private properties(type: ts.Type): ts.Symbol[] {
    return this.checker.getPropertiesOfType(type)
  }
}

function connectionKeys(checker: ts.TypeChecker, settings: ts.Type): ReadonlySet<string> {
  const [first = [], ...others] = CONNECTED.map((path) =>
    checker.getPropertiesOfType(typeAt(checker, settings, path)).map(({ name }) => name),
  )
  return new Set(first.filter((name) => others.every((names) => names.includes(name))))
}

function typeAt(checker: ts.TypeChecker, settings: ts.Type, path: string): ts.Type {
  let type = settings
  for (const name of path.split('.').filter(Boolean)) {
    const property = type.getProperty(name)
    const next = name === '*' ? type.getStringIndexType() : property && checker.getTypeOfSymbol(property)
    if (!next) throw new Error(`scripts/settings-type.ts: the settings have no ${path}`)
    type = next
  }
  return type
}

const below = (path: string, name: string) => (path === '' ? name : `${path}.${name}`)

function undefinedLast(a: string, b: string): number {
  return Number(a === 'undefined') - Number(b === 'undefined')
}

function comment(checker: ts.TypeChecker, property: ts.Symbol): string {
  const text = ts.displayPartsToString(property.getDocumentationComment(checker)).trim()
  const tags = property.getJsDocTags(checker).map((tag) => `@${tag.name} ${ts.displayPartsToString(tag.text).trim()}`)
  const lines = [text, ...tags].filter(Boolean).join('\n').split('\n')
  if (lines.length === 1) return lines[0] === '' ? '' : `/** ${lines[0]} */\n`
  return `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`
}
