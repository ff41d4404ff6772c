import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const AT_THE_TOP = ['README.md', 'README.zh-CN.md', 'CONTRIBUTING.md', 'SECURITY.md']

/** One fenced block of a page. */
export interface Block {
  readonly page: string
  /** Line of its first line of code. */
  readonly line: number
  readonly language: string
  readonly code: string
  /** What the hidden comment above it says: `<!-- file: web/main.js -->` is `{ file: 'web/main.js' }`. */
  readonly notes: Readonly<Record<string, string>>
}

/** Paths of all pages that a person writes, from the root of the repository. */
export function docPages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true }).map((path) => String(path).replaceAll('\\', '/'))
  return [
    ...AT_THE_TOP.filter((page) => existsSync(join(ROOT, page))),
    ...docs.filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`),
  ]
}

export const readPage = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const text = readPage(page)
  return [...text.matchAll(/((?:^<!-- .* -->\n+)*)^```([\w-]*)\n([^]*?)^```$/gm)].map((match) => {
    const [, comments = '', language = '', code = ''] = match
    const notes = [...comments.matchAll(/<!-- ([\w-]+): (.*) -->/g)].map(([, name, value]) => [name!, value!] as const)
    const above = text.slice(0, match.index).split('\n').length + comments.split('\n').length
    return { page, line: above, language, code, notes: Object.fromEntries(notes) }
  })
}

/** Level and text of each heading, code left out. */
export function headingsOf(page: string): { readonly level: number; readonly text: string }[] {
  const prose = readPage(page).replace(/^```[^]*?^```$/gm, '')
  return [...prose.matchAll(/^(#+) (.*)$/gm)].map(([, marks, text]) => ({ level: marks!.length, text: text! }))
}
