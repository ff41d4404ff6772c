import ts from 'typescript'

const HEAD = `// Written by \`npm run schema\` from schema.ts and schema/: change those.

/** bootstrap.yml with every default filled in; frozen. Durations are milliseconds. */
`

/** Spells the inferred type of the settings out, so that what reads the published types needs no zod. */
export function settingsType(checker: ts.TypeChecker, settings: ts.Type): string {
  return `${HEAD}export interface Settings ${section(checker, settings)}\n`
}

function section(checker: ts.TypeChecker, type: ts.Type): string {
  const lines = checker.getPropertiesOfType(type).map((property) => {
    const optional = property.flags & ts.SymbolFlags.Optional ? '?' : ''
    return `${comment(checker, property)}readonly ${property.name}${optional}: ${spell(checker, checker.getTypeOfSymbol(property))}`
  })
  const each = type.getStringIndexType()
  if (each) lines.push(`readonly [name: string]: ${spell(checker, each)}`)
  return `{\n${lines.join('\n')}\n}`
}

function spell(checker: ts.TypeChecker, type: ts.Type): string {
  if (type.isUnion() && !(type.flags & ts.TypeFlags.Boolean)) {
    // `boolean` is a union as well, and is not to be taken apart.
    const flags = type.types.filter((one) => one.flags & ts.TypeFlags.BooleanLiteral)
    const rest = type.types.filter((one) => flags.length < 2 || !(one.flags & ts.TypeFlags.BooleanLiteral))
    const parts = rest.map((one) => spell(checker, one))
    return [...new Set(flags.length === 2 ? [...parts, 'boolean'] : parts)].sort(undefinedLast).join(' | ')
  }
  const item = checker.isArrayType(type) && checker.getTypeArguments(type as ts.TypeReference)[0]
  if (item) return `readonly (${spell(checker, item)})[]`
  const isSection = type.flags & ts.TypeFlags.Object && type.getCallSignatures().length === 0
  return isSection ? section(checker, type) : checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
}

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
