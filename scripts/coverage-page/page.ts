import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { load } from 'js-yaml'

const FOLDER = 'scripts/coverage-page'
const STATES = ['done', 'partly', 'planned', 'n/a'] as const

/** A row of a reference document. */
interface CoverageRow {
  /** What the document asks for. */
  readonly row: string
  /** What it is in a Node.js service. */
  readonly here?: string
  readonly state: (typeof STATES)[number]
  /** `unit/logging > the last 500 lines`: a test file without `test/` and its ending, and the beginning of a title in it. */
  readonly tests?: readonly string[]
  /** What is missing, or why it makes no sense here. */
  readonly note?: string
}

interface CoverageTable {
  readonly id: string
  readonly document: string
  readonly about: string
  readonly rows: readonly CoverageRow[]
}

export interface CoveragePage {
  readonly text: string
  /** Rows that claim more than they show. */
  readonly problems: readonly string[]
}

/** docs/coverage.md, from scripts/coverage-page/*.yml and the titles of the tests. */
export function coveragePage(): CoveragePage {
  const tables = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yml'))
    .sort()
    .map(
      (file) =>
        ({ id: file.slice(0, -4), ...(load(readFileSync(`${FOLDER}/${file}`, 'utf8')) as object) }) as CoverageTable,
    )
  const problems = tables.flatMap(({ id, rows }) =>
    rows.flatMap((row) => problemsOf(row).map((text) => `${id} ${row.row}: ${text}`)),
  )
  return { text: [INTRO, summary(tables), ...tables.map(tableOf)].join('\n'), problems }
}

const INTRO = `# Coverage

Every row of the five documents that this library is measured by, its state, and the tests that show it. Made by \`npm run coverage-page\`
from \`scripts/coverage-page/*.yml\`, which checks that each test exists. Do not edit by hand.

*done*: it works, and the tests named show it. *partly*: what is missing is named. *planned*: it comes later, by what is named. *n/a*: it makes no sense in
Node.js, and what is natural instead is named.
`

function summary(tables: readonly CoverageTable[]): string {
  const lines = tables.map(({ id, document, rows }) => {
    const counts = STATES.map((state) => rows.filter((row) => row.state === state).length)
    return `| [${id} ${document}](#${anchor(`${id} ${document}`)}) | ${counts.join(' | ')} |`
  })
  return `| document | ${STATES.join(' | ')} |\n|---|${STATES.map(() => '---|').join('')}\n${lines.join('\n')}\n`
}

function tableOf({ id, document, about, rows }: CoverageTable): string {
  const lines = rows.map((row) => `| ${[row.row, row.here ?? '', row.state, proofOf(row)].map(cell).join(' | ')} |`)
  return `## ${id} ${document}\n\n${about}\n\n| row | here | state | shown by, or what is missing |\n|---|---|---|---|\n${lines.join('\n')}\n`
}

function proofOf({ tests = [], note }: CoverageRow): string {
  const links = tests.map((test) => {
    const [file, title] = split(test)
    return `[${file}](../${pathOf(file)}): ${title}`
  })
  return [...links, ...(note ? [note] : [])].join('<br>')
}

function problemsOf({ state, tests = [], note }: CoverageRow): string[] {
  const problems = tests.flatMap((test) => {
    const [file, title] = split(test)
    // A pattern such as `%s` would be found anywhere.
    if (title.length < 8) return [`"${title}" is too short for a title`]
    if (!existsSync(pathOf(file))) return [`there is no ${pathOf(file)}`]
    const source = readFileSync(pathOf(file), 'utf8').replace(/\\(['"`])/g, '$1')
    return ["'", '"', '`'].some((quote) => source.includes(quote + title))
      ? []
      : [`no title in ${pathOf(file)} begins with "${title}"`]
  })
  if (!STATES.includes(state)) problems.push(`${String(state)} is no state`)
  if (state === 'done' && tests.length === 0) problems.push('no test shows it')
  if (state !== 'done' && !note) problems.push('it does not say what is missing, or why')
  return problems
}

function split(test: string): [string, string] {
  const at = test.indexOf(' > ')
  return [test.slice(0, at), test.slice(at + 3)]
}

/** Suites that several files run are no test files themselves. */
const pathOf = (file: string) =>
  /^(contract\/suites|support)\//.test(file) ? `test/${file}.ts` : `test/${file}.test.ts`
const cell = (text: string) => text.replace(/\|/g, '\\|')
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replace(/ /g, '-')
