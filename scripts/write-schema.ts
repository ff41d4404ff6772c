import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import ts from 'typescript'
import { bootstrapJsonSchema, type JsonSchema } from './json-schema.js'
import { nacosFileSchema, withRunTable } from './run-pages.js'
import { kebab } from '../src/settings/shape.js'
import { settingsPage } from './settings-page.js'
import { chinese } from './settings-translations.js'
import { settingsTypes } from './settings-type.js'

/**
 * Writes bootstrap.schema.json, docs/settings.md, docs/zh-CN/settings.md and src/settings/types/ from the zod schema;
 * nacos.schema.json and the tables of docs/command-line.md from src/settings/run/run-settings.ts.
 * The descriptions are the doc comments of src/settings/schema.ts and schema/, as the compiler sees them; the Chinese ones
 * are in settings.zh-CN.yml.
 */

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

export const SCHEMA_FILE = root('bootstrap.schema.json')
export const PAGE_FILE = root('docs/settings.md')
export const CHINESE_PAGE_FILE = root('docs/zh-CN/settings.md')
const typeFile = (name: string) => root(`src/settings/types/${name}.ts`)
export const NACOS_SCHEMA_FILE = root('nacos.schema.json')
export const COMMAND_LINE_FILE = root('docs/command-line.md')
export const CHINESE_COMMAND_LINE_FILE = root('docs/zh-CN/command-line.md')

/** The schema with its descriptions. */
export function describedSchema(parsed = parsedSettings()): JsonSchema {
  const schema = bootstrapJsonSchema()
  describe(schema, parsed)
  return schema
}

/** What the files of `nacos-sidecar run` hold. */
export async function renderRun(): Promise<{ nacosSchema: string; commandLine: string; chineseCommandLine: string }> {
  const json = { parser: 'json', printWidth: 120 }
  return {
    nacosSchema: await format(JSON.stringify(nacosFileSchema()), json),
    commandLine: withRunTable(readFileSync(COMMAND_LINE_FILE, 'utf8'), 'en'),
    chineseCommandLine: withRunTable(readFileSync(CHINESE_COMMAND_LINE_FILE, 'utf8'), 'zh'),
  }
}

/** What the files hold; the types by the paths of their files. */
export async function render(): Promise<{
  schema: string
  page: string
  chinesePage: string
  types: Record<string, string>
}> {
  const parsed = parsedSettings()
  const schema = describedSchema(parsed)
  const style = await resolveConfig(typeFile('settings'))
  const types: Record<string, string> = {}
  for (const [name, text] of settingsTypes(parsed.checker, parsed.settings))
    types[typeFile(name)] = await format(text, { ...style, parser: 'typescript' })
  return {
    schema: await format(JSON.stringify(schema), { parser: 'json', printWidth: 120 }),
    page: settingsPage(schema),
    chinesePage: settingsPage(schema, chinese()),
    types,
  }
}

/** The type of the settings, as the compiler infers it from the schema. */
interface ParsedSettings {
  readonly checker: ts.TypeChecker
  readonly settings: ts.Type
}

function parsedSettings(): ParsedSettings {
  const file = root('src/settings/schema.ts')
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(root('tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root('.'),
  )
  // The types of Node are most of the work, and no setting is one of them.
  const program = ts.createProgram([file], { ...options, noEmit: true, types: [] })
  const checker = program.getTypeChecker()
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!)
  const settings = checker.getDeclaredTypeOfSymbol(exported.find((symbol) => symbol.name === 'ParsedSettings')!)
  return { checker, settings }
}

function describe(schema: JsonSchema, { checker, settings }: ParsedSettings): void {
  const visit = (type: ts.Type, node: JsonSchema | undefined): void => {
    if (!node?.properties) return
    for (const property of checker.getNonNullableType(type).getProperties()) {
      const child = node.properties[kebab(property.name)]
      if (!child) continue
      const text = ts.displayPartsToString(property.getDocumentationComment(checker)).replace(/\s+/g, ' ').trim()
      const fallback = property.getJsDocTags(checker).find((tag) => tag.name === 'default')
      const said = [text, fallback && `Default: ${ts.displayPartsToString(fallback.text)}.`].filter(Boolean).join(' ')
      if (said) child.description = said
      const inner = checker.getTypeOfSymbol(property)
      visit(inner, child)
      // A section for each of some names.
      const each = inner.getStringIndexType()
      if (each) visit(each, child.additionalProperties)
    }
  }
  visit(settings, { properties: schema.definitions ?? {} })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { schema, page, chinesePage, types } = await render()
  writeFileSync(SCHEMA_FILE, schema)
  writeFileSync(PAGE_FILE, page)
  writeFileSync(CHINESE_PAGE_FILE, chinesePage)
  for (const [file, text] of Object.entries(types)) writeFileSync(file, text)
  const { nacosSchema, commandLine, chineseCommandLine } = await renderRun()
  writeFileSync(NACOS_SCHEMA_FILE, nacosSchema)
  writeFileSync(COMMAND_LINE_FILE, commandLine)
  writeFileSync(CHINESE_COMMAND_LINE_FILE, chineseCommandLine)
}
