import type { JsonSchema } from './json-schema.js'

const INTRO = `# Settings

Every key of bootstrap.yml that the sidecar reads. \`npm run schema\` writes this page from the schema. The first steps:
[configuration](configuration.md).

- **Spelling.** A key may be below \`spring:\`. It may be in kebab-case, camelCase or snake_case.
- **Environment.** \`SIDECAR_DRAIN=20s\`, \`SPRING_CLOUD_NACOS_DISCOVERY_WEIGHT=2\`. Short names: \`NACOS_SERVER\`, \`NACOS_NAMESPACE\`,
  \`NACOS_USERNAME\`, \`NACOS_PASSWORD\` (for both sections of \`cloud.nacos\`), \`NACOS_SERVICE_NAME\`, \`NACOS_SERVICE_IP\`,
  \`NACOS_SERVICE_PORT\`; \`NACOS_SIDECAR_OVERRIDE_<service>\` sets \`feign.client.<service>.url\`.
- **Durations** are milliseconds, or \`500ms\`, \`10s\`, \`2m\`, \`1h\`, \`PT10S\`.
- **Precedence**, from weak to strong: defaults, bootstrap.yml, bootstrap-{profile}.yml, application.yml, application-{profile}.yml,
  \`.env\` beside them, environment, \`SPRING_APPLICATION_JSON\`, command line (\`--server.port=9203\`), \`settings\` in code.
- **Files** may also be .yaml and .properties, and may be in \`./config\`. \`SIDECAR_CONFIG\` names the file or its folder. Without it, the
  files are searched in the working directory, then in the folder of the main script's package.json.
`

const TITLES: Record<string, string> = {
  'cloud.nacos':
    '`discovery` and `config` have the same keys down to `context-path`; they inherit those that they do not set.',
  'feign.client.<name>':
    '`feign.client.default` applies to every client. OpenFeign’s own names are read too: [coming from Spring](migration.md).',
}

const ENGLISH: PageLanguage = {
  intro: INTRO,
  application: 'The application',
  columns: ['key', 'default', 'meaning'],
  notes: TITLES,
  translate: () => undefined,
}

/** The words of the page in one language. */
export interface PageLanguage {
  readonly intro: string
  /** Title of the first table. */
  readonly application: string
  readonly columns: readonly [key: string, fallback: string, what: string]
  /** What stands above a table, by its section. */
  readonly notes: Readonly<Record<string, string>>
  /** Description and default of a key in this language; `undefined` for the English ones. */
  translate(row: SettingRow): { readonly what: string; readonly fallback?: string | undefined } | undefined
}

/** A key with its description. */
export interface SettingRow {
  /** From the root: `cloud.nacos.server-addr`. */
  readonly path: string
  /** As its table shows it. */
  readonly key: string
  readonly fallback: string
  readonly what: string
}

/** docs/settings.md, or its translation, of the described schema. */
export function settingsPage(schema: JsonSchema, language = ENGLISH): string {
  const [key, fallback, what] = language.columns
  const parts = [...tablesOf(schema)].map(([section, rows]) => {
    const title = section === '' ? language.application : `\`${section}\``
    const head = [`## ${title}`, language.notes[section]].filter(Boolean).join('\n\n')
    const lines = rows.map((row) => {
      const translated = language.translate(row)
      return `| \`${row.key}\` | ${translated?.fallback ?? row.fallback} | ${escaped(translated?.what ?? row.what)} |`
    })
    return `${head}\n\n| ${key} | ${fallback} | ${what} |\n|---|---|---|\n${lines.join('\n')}\n`
  })
  return [language.intro, ...parts].join('\n')
}

/** Every key that a page has, with its description in English. */
export const settingRows = (schema: JsonSchema): SettingRow[] => [...tablesOf(schema).values()].flat()

const escaped = (text: string) => text.replaceAll('|', '\\|')

function tablesOf({ definitions = {} }: JsonSchema): Map<string, SettingRow[]> {
  const tables = new Map<string, SettingRow[]>([['', []]])
  collect({ properties: definitions }, '', {}, tables)
  return tables
}

/** Sections with one or two keys go to the first table; what a section has of its parent's is said there once. */
function collect(
  node: JsonSchema,
  path: string,
  inherited: Record<string, JsonSchema>,
  tables: Map<string, SettingRow[]>,
) {
  const own = Object.entries(node.properties ?? {}).filter(([name, { description }]) => {
    return description === undefined || inherited[name]?.description !== description
  })
  const leaves = own.filter(([, child]) => !child.properties && !named(child))
  const table = leaves.length > 2 || tables.has(path) ? path : ''
  const rows = tables.get(table) ?? []
  if (leaves.length > 0) tables.set(table, rows)
  for (const [name, child] of leaves) {
    const key = table === '' && path !== '' ? `${path}.${name}` : name
    const [what = '', said] = (child.description ?? '').split(/ ?Default: (.*)\.$/s)
    rows.push({ path: path === '' ? name : `${path}.${name}`, key, fallback: said ?? shown(child), what })
  }
  for (const [name, child] of own) {
    const at = path === '' ? name : `${path}.${name}`
    const values = named(child)
    if (values) collect(values, `${at}.<name>`, {}, tables)
    else if (child.properties) collect(child, at, node.properties ?? {}, tables)
  }
}

/** A section for each of some names. */
function named({ additionalProperties }: JsonSchema): JsonSchema | undefined {
  return additionalProperties?.properties ? additionalProperties : undefined
}

function shown(schema: JsonSchema): string {
  const { default: value } = schema
  if (value === undefined) return ''
  return typeof value === 'number' && JSON.stringify(schema).includes('ms|s|m|h|d') ? duration(value) : String(value)
}

function duration(ms: number): string {
  return ms >= 1000 && ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
