import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'
import ts from 'typescript'
import { bootstrapJsonSchema, type JsonSchema } from './json-schema.js'
import { kebab } from '../src/settings/shape.js'
import { settingsPage } from './settings-page.js'
import { chinese } from './settings-translations.js'

/**
 * Writes bootstrap.schema.json, docs/settings.md and docs/zh-CN/settings.md from the zod schema. The descriptions are the
 * doc comments of src/settings/schema.ts and schema/, as the compiler sees them; the Chinese ones are in
 * settings.zh-CN.yml.
 */

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

export const SCHEMA_FILE = root('bootstrap.schema.json')
export const PAGE_FILE = root('docs/settings.md')
export const CHINESE_PAGE_FILE = root('docs/zh-CN/settings.md')

/** The schema with its descriptions. */
export function describedSchema(): JsonSchema {
  const schema = bootstrapJsonSchema()
  describe(schema)
  return schema
}

/** What the files hold. */
export async function render(): Promise<{ schema: string; page: string; chinesePage: string }> {
  const schema = describedSchema()
  return {
    schema: await format(JSON.stringify(schema), { parser: 'json', printWidth: 120 }),
    page: settingsPage(schema),
    chinesePage: settingsPage(schema, chinese()),
  }
}

function describe(schema: JsonSchema): void {
  const file = root('src/settings/schema.ts')
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(root('tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root('.'),
  )
  const program = ts.createProgram([file], { ...options, noEmit: true })
  const checker = program.getTypeChecker()
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!)
  const settings = checker.getDeclaredTypeOfSymbol(exported.find((symbol) => symbol.name === 'Settings')!)

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
  const { schema, page, chinesePage } = await render()
  writeFileSync(SCHEMA_FILE, schema)
  writeFileSync(PAGE_FILE, page)
  writeFileSync(CHINESE_PAGE_FILE, chinesePage)
}
