import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'
import ts from 'typescript'
import { bootstrapJsonSchema, type JsonSchema } from '../src/settings/json-schema.js'
import { kebab } from '../src/settings/shape.js'

/**
 * Writes bootstrap.schema.json from the zod schema; the descriptions that editors show are the doc comments of
 * src/settings/schema.ts and schema/, as the compiler sees them.
 */

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

export const SCHEMA_FILE = root('bootstrap.schema.json')

export async function renderSchema(): Promise<string> {
  const schema = bootstrapJsonSchema()
  describe(schema)
  return format(JSON.stringify(schema), { parser: 'json', printWidth: 120 })
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
      visit(checker.getTypeOfSymbol(property), child)
    }
  }
  visit(settings, { properties: schema.definitions ?? {} })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(SCHEMA_FILE, await renderSchema())
