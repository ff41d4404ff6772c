import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CORE_SCHEMA, load } from 'js-yaml'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { createProgram } from '../../../src/cli/program.js'
import { runHelp } from '../../../src/cli/run-help.js'
import { loadSettings } from '../../../src/settings/load.js'
import { blocksOf, docPages, type Block } from '../../support/doc-pages.js'
import { tempFolder } from '../../support/temp-folder.js'

/**
 * Every block of code of README.md, CONTRIBUTING.md, SECURITY.md and docs/ is checked here; CONTRIBUTING.md, "A page of
 * the documentation", says how to write one.
 */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CONTEXT = join(ROOT, 'test/unit/docs/snippet-context.ts')
const pages = docPages()
/** Translations hold the same blocks: translations.test.ts. */
const blocks = pages.filter((page) => !page.includes('zh-CN')).flatMap(blocksOf)
const inLanguage = (...names: string[]) => blocks.filter(({ language }) => names.includes(language))
const at = ({ page, line }: Block) => `${page}:${line}`

describe('code', () => {
  const code = inLanguage('ts', 'js')
  const found = new Map<Block, string[]>([
    ...compile(code.filter((block) => !ofNest(block))),
    // The one framework whose users cannot have decorators of the standard.
    ...compile(code.filter(ofNest), { experimentalDecorators: true }),
  ])

  test.each(code.map((block) => [at(block), block] as const))('%s compiles', (_, block) => {
    expect(found.get(block)).toEqual([])
  })
})

describe('YAML', () => {
  const settings = inLanguage('yaml').filter(({ notes }) => !notes['part-of'])
  test.each(settings.map((block) => [at(block), block] as const))('%s holds valid settings', (_, block) => {
    const value = load(block.code, { schema: CORE_SCHEMA })
    if (typeof value === 'object' && value !== null && ('spec' in value || 'services' in value)) return
    const folder = tempFolder({ 'bootstrap.yml': block.code })
    const { warnings } = loadSettings({
      configPath: folder,
      cwd: folder,
      argv: [],
      env: { NACOS_PASSWORD: 'secret', SPRING_APPLICATION_NAME: 'order-service' },
      main: join(folder, 'main.js'),
    })
    expect(warnings).toEqual([])
  })
})

describe('commands', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  const lines = inLanguage('sh').flatMap((block) => block.code.split('\n').map((line) => [at(block), line] as const))

  test('every `npm run` names a script', () => {
    const named = lines.flatMap(([, line]) =>
      [...line.matchAll(/\bnpm run (?:-s )?([\w:]+)/g)].map(([, name]) => name!),
    )
    expect(named.length).toBeGreaterThan(3)
    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })

  test('every `npx nacos-sidecar` names a command and options that are there', () => {
    const { commands } = createProgram('')
    const help = new Map(commands.map((command) => [command.name(), command.helpInformation()]))
    help.set('run', runHelp({}))
    let seen = 0
    const wrong = lines.flatMap(([place, line]) => {
      const [, command, rest = ''] = /\bnpx nacos-sidecar ([\w-]+)([^#]*)/.exec(line) ?? []
      if (command === undefined) return []
      seen++
      const text = help.get(command) ?? ''
      const options = [...rest.matchAll(/(?<= )--?[\w-]+/g)].map(([option]) => option)
      return text.includes(`nacos-sidecar ${command}`) && options.every((option) => text.includes(option))
        ? []
        : [`${place}: ${line}`]
    })
    expect(seen).toBeGreaterThan(0)
    expect(wrong).toEqual([])
  })
})

const ofNest = ({ code, notes }: Block) => /nacos-sidecar\/nest|INestApplication/.test(code + notes['given'])

/** What both programs read. */
const parsed = new Map<string, ts.SourceFile | undefined>()

/** The errors of each block: all of them in one program, as files that are nowhere on the disk. */
function compile(code: readonly Block[], mode: ts.CompilerOptions = {}): Map<Block, string[]> {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    ROOT,
  )
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile.bind(host)
  const offered = {
    './snippet-context.js': exportsOf(CONTEXT),
    'nacos-sidecar': exportsOf(join(ROOT, 'src/index.ts')),
  }
  const files = new Map(code.map((block, index) => [fileOf(block, index), block] as const))
  const texts = new Map([...files].map(([file, block]) => [file, complete(block, offered)] as const))
  host.fileExists = (file) => texts.has(file) || ts.sys.fileExists(file)
  host.readFile = (file) => texts.get(file)?.text ?? ts.sys.readFile(file)
  host.getSourceFile = (file, ...rest) => {
    const text = texts.get(file)?.text
    if (text !== undefined) return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
    if (!parsed.has(file)) parsed.set(file, read(file, ...rest))
    return parsed.get(file)
  }
  const program = ts.createProgram([...files.keys()], { ...options, ...LOOSE, ...mode }, host)
  return new Map(
    [...files].map(([file, block]) => {
      const source = program.getSourceFile(file)!
      const errors = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      const { added } = texts.get(file)!
      return [block, errors.map((error) => `${placeOf(block, source, error, added)} ${textOf(error)}`)]
    }),
  )
}

/** A snippet shows what matters: it may leave a variable unused. */
const LOOSE: ts.CompilerOptions = {
  noUnusedLocals: false,
  noUnusedParameters: false,
  noUncheckedIndexedAccess: false,
  allowJs: true,
  checkJs: true,
  strict: true,
}

const fileOf = ({ page, language, code }: Block, index: number) =>
  join(dirname(CONTEXT), `${page.replaceAll('/', '-')}-${index}.${/^module\.exports/m.test(code) ? 'cjs' : language}`)

/**
 * A block without an import is a fragment: names that it uses and does not declare come from nacos-sidecar. Names of
 * snippet-context.ts are there in any block.
 */
function complete(
  { code, notes }: Block,
  offered: Record<string, ReadonlySet<string>>,
): { text: string; added: number } {
  const whole = /^import\b/m.test(code)
  const [declared, used] = namesIn(code)
  const lines = Object.entries(offered).flatMap(([from, names]) => {
    if (whole && from === 'nacos-sidecar') return []
    const wanted = [...used].filter((name) => names.has(name) && !declared.has(name))
    return wanted.length > 0 ? [`import { ${wanted.map(importOf).join(', ')} } from '${from}'`] : []
  })
  const head = [...lines, ...(notes['given'] === undefined ? [] : [notes['given']])]
  const tail = /^module\.exports/m.test(code) ? '' : '\nexport {}\n'
  return { text: [...head, code].join('\n') + tail, added: head.length }
}

const importOf = (name: string) => (TYPES.has(name) ? `type ${name}` : name)
const TYPES = new Set<string>()

/** Names that a block declares at any level, and all that it uses. */
function namesIn(code: string): [declared: Set<string>, used: Set<string>] {
  const declared = new Set<string>()
  const used = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node
      const isName = 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent)
      if (isName && !ts.isPropertyAccessExpression(parent) && !ts.isPropertyAssignment(parent)) declared.add(node.text)
      else if (!isName) used.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.ES2022, true))
  return [declared, used]
}

/** Names that a module exports, by its text. */
function exportsOf(file: string): ReadonlySet<string> {
  const names = new Set<string>()
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true)
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
      for (const each of statement.exportClause.elements) {
        names.add(each.name.text)
        if (statement.isTypeOnly || each.isTypeOnly) TYPES.add(each.name.text)
      }
    } else if (ts.isInterfaceDeclaration(statement)) {
      names.add(statement.name.text)
      TYPES.add(statement.name.text)
    } else if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) names.add(name.getText(source))
    }
  }
  return names
}

function placeOf(block: Block, source: ts.SourceFile, error: ts.Diagnostic, added: number): string {
  const { line } = source.getLineAndCharacterOfPosition(error.start ?? 0)
  return `${block.page}:${block.line + line - added}`
}

const textOf = (error: ts.Diagnostic) => ts.flattenDiagnosticMessageText(error.messageText, ' ')
