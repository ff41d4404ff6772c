import { Pair, parseLines } from 'dot-properties'
import { YAMLException, loadAll } from 'js-yaml'
import { messageOf } from '../../errors.js'

/** What is wrong with a document, and where. Lines and columns count from 1; 0 where the place is not known. */
export interface Problem {
  /** Services refuse a document with an error, and keep the one before. */
  readonly level: 'error' | 'warning'
  readonly line: number
  readonly column: number
  readonly message: string
}

/** As the client reads it. */
const MAX_DEPTH = 100

/** Reads a document as services do; types that they do not read have no problems. */
export function checkDocument(content: string, type: string): Problem[] {
  if (content.trim() === '') return [problem('error', 0, 0, 'the document is empty: Nacos does not publish it')]
  if (type === 'yaml') return checkYaml(content)
  if (type === 'json') return checkJson(content)
  if (type === 'properties') return checkProperties(content)
  return []
}

function problem(level: Problem['level'], line: number, column: number, message: string): Problem {
  return { level, line, column, message }
}

function checkYaml(content: string): Problem[] {
  try {
    loadAll(content, { maxDepth: MAX_DEPTH })
    return []
  } catch (error) {
    const { reason, mark } = error instanceof YAMLException ? error : { reason: messageOf(error), mark: undefined }
    return [problem('error', mark ? mark.line + 1 : 0, mark ? mark.column + 1 : 0, reason)]
  }
}

/** One token and the blanks before it; V8's own message has no place in every version of Node.js. */
const TOKEN =
  /([ \t\n\r]*)(?:[[\]{},:]|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|$)/y

function checkJson(content: string): Problem[] {
  try {
    JSON.parse(content)
    return []
  } catch (error) {
    const offset = firstFault(content)
    const before = content.slice(0, offset).split('\n')
    const message = messageOf(error).replace(
      / in JSON at position \d+.*|, (\.\.\.)?".*is not valid JSON$| after JSON at.*$/s,
      '',
    )
    return [problem('error', before.length, before.at(-1)!.length + 1, message)]
  }
}

/** Where the first token stands that cannot follow what is before it. */
function firstFault(content: string): number {
  const open: ('{' | '[')[] = []
  /** What may come: a value, a key, the sign after a key, or what follows a value. */
  let expected: 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'after' = 'value'
  TOKEN.lastIndex = 0
  for (;;) {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(content)
    if (!match) return from + /[^ \t\n\r]|$/.exec(content.slice(from))!.index
    const start = from + match[1]!.length
    const token = match[0].slice(match[1]!.length)
    if (token === '') return start
    const inside = open.at(-1)
    if (expected === 'colon' && token === ':') expected = 'value'
    else if (expected.startsWith('key') && token.startsWith('"')) expected = 'colon'
    else if (expected.startsWith('value') && (token === '{' || token === '[')) {
      open.push(token)
      expected = token === '{' ? 'key-or-end' : 'value-or-end'
    } else if (expected.startsWith('value') && match[2] !== undefined) expected = 'after'
    else if (expected === 'after' && token === ',' && inside) expected = inside === '{' ? 'key' : 'value'
    else if (
      (expected === 'after' || expected.endsWith('-or-end')) &&
      token === (inside === '{' ? '}' : ']') &&
      inside
    ) {
      open.pop()
      expected = 'after'
    } else return start
  }
}

function checkProperties(content: string): Problem[] {
  const seen = new Map<string, number>()
  const problems: Problem[] = []
  let line = 1
  let counted = 0
  for (const node of parseLines(content, true)) {
    if (!(node instanceof Pair)) continue
    for (; counted < node.range[0]; counted++) if (content[counted] === '\n') line++
    const before = seen.get(node.key)
    if (before !== undefined) {
      problems.push(problem('warning', line, 1, `${node.key} stands in line ${before} too: the last one counts`))
    }
    seen.set(node.key, line)
  }
  return problems
}
