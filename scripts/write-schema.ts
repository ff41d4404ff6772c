import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'
import ts from 'typescript'
import { bootstrapJsonSchema, type JsonSchema } from './json-schema.js'
import { kebab } from '../src/settings/shape.js'
import { settingsPage } from './settings-page.js'

/**
 * Writes bootstrap.schema.json and docs/settings.md from the zod schema; the descriptions in both are the doc comments
 * of src/settings/schema.ts and schema/, as the compiler sees them.
 */

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

export const SCHEMA_FILE = root('bootstrap.schema.json')
export const PAGE_FILE = root('docs/settings.md')

/** What the two files hold. */
export async function render(): Promise<{ schema: string; page: string }> {
  const schema = bootstrapJsonSchema()
  describe(schema)
  return {
    schema: await format(JSON.stringify(schema), { parser: 'json', printWidth: 120 }),
    page: settingsPage(schema),
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
  const { schema, page } = await render()
  writeFileSync(SCHEMA_FILE, schema)
  writeFileSync(PAGE_FILE, page)
}
