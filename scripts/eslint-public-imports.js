import { join } from 'node:path'
import ts from 'typescript'

const ENTRIES = {
  'nacos-sidecar': 'index',
  'nacos-sidecar/testing': 'testing',
  'nacos-sidecar/dev-server': 'dev-server/index',
}
const byProgram = new WeakMap()

/** What the package exports: symbol → the entry, and whether it is a type there. */
function exportsOf(program) {
  const checker = program.getTypeChecker()
  const found = new Map()
  for (const [from, entry] of Object.entries(ENTRIES)) {
    const file = program.getSourceFile(join(import.meta.dirname, `../src/${entry}.ts`))
    for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(file))) {
      const isAlias = exported.flags & ts.SymbolFlags.Alias
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported
      const typeOnly = exported.declarations.some((node) => node.isTypeOnly || node.parent.parent?.isTypeOnly)
      if (!found.has(symbol)) found.set(symbol, { from, typeOnly })
    }
  }
  return found
}

/**
 * A test imports what the package exports from the package, as a user does; only what it does not export, from src. With
 * the option `types`, values may come from src: for programs that start without the alias of vitest.
 */
export const publicImports = {
  meta: { schema: [{ enum: ['all', 'types'] }] },
  create({ sourceCode, report, options: [which] }) {
    const { program, esTreeNodeToTSNodeMap } = sourceCode.parserServices
    if (!byProgram.has(program)) byProgram.set(program, exportsOf(program))
    const known = byProgram.get(program)
    const checker = program.getTypeChecker()
    return {
      ImportSpecifier(specifier) {
        const { source, importKind } = specifier.parent
        if (!/^[./]+\/src\//.test(source.value)) return
        const symbol = checker.getSymbolAtLocation(esTreeNodeToTSNodeMap.get(specifier).name)
        const exported = known.get(checker.getAliasedSymbol(symbol))
        const isType = importKind === 'type' || specifier.importKind === 'type'
        if (!exported || (!isType && (exported.typeOnly || which === 'types'))) return
        report({ node: specifier, message: `import { ${specifier.imported.name} } from '${exported.from}'` })
      },
    }
  },
}
