import { TABLES, type ReliabilityRow } from './rows.js'

/** One test of a run, as test/support/reporters/results.ts writes it. */
export interface TestResult {
  readonly title: string
  readonly file: string
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending'
  readonly note?: string
}

export interface ReliabilityPage {
  readonly text: string
  /** Rows without a test that passed, or with one that failed. */
  readonly problems: readonly string[]
}

/** @param from where the results come from, for the head of the page. */
export function reliabilityPage(results: readonly TestResult[], from: string): ReliabilityPage {
  const problems: string[] = []
  const parts = TABLES.map(({ title, rows }) => {
    const lines = rows.map((row) => {
      const own = results.filter((result) => belongs(row, result))
      const problem = problemOf(own)
      if (problem) problems.push(`${row.id}: ${problem}`)
      return `| ${row.id} | ${row.id === row.holds ? '' : row.holds} | ${filesOf(own)} | ${resultOf(own)} |`
    })
    return `## ${title}\n\n| row | must hold | tests | last result |\n|---|---|---|---|\n${lines.join('\n')}\n`
  })
  return { text: [intro(from), ...parts].join('\n'), problems }
}

function intro(from: string): string {
  return `# Reliability

Every kind of fault that the project knows, with its tests and their last result. Made by \`npm run reliability\` from
${from}. Do not edit by hand.

A test belongs to a row when its title, or the title of its suite, begins with the id of the row (\`R12: …\`, \`fault 7: …\`); an attack has a file of its own.
To make the page again:

\`\`\`sh
KEEP_RESULTS=/tmp/results .ci/run
npm run reliability -- /tmp/results
\`\`\`
`
}

function belongs({ id, file }: ReliabilityRow, result: TestResult): boolean {
  if (file !== undefined) return result.file === file
  // A title may name several rows: `K13, K30: …`.
  return result.title.split(' > ').some((title) => {
    const [, ids = ''] = /^((?:[RCGJK]\d+(?:, | and )?)+|fault \d+)\b/.exec(title) ?? []
    return ids.split(/, | and /).some((one) => one.replace(/^fault 0/, 'fault ') === id)
  })
}

function problemOf(own: readonly TestResult[]): string | undefined {
  const failed = own.find(({ state }) => state === 'failed')
  if (failed) return `failed: ${failed.file} > ${failed.title}`
  if (own.length === 0) return 'no test names it'
  return own.some(({ state, note }) => state === 'passed' || (state === 'skipped' && note))
    ? undefined
    : 'no test passed'
}

function filesOf(own: readonly TestResult[]): string {
  const files = [...new Set(own.map(({ file }) => file))].sort()
  return files.map((file) => `[${file.replace(/^test\//, '').replace(/\.test\.ts$/, '')}](../${file})`).join('<br>')
}

function resultOf(own: readonly TestResult[]): string {
  if (own.length === 0) return '**no test**'
  const count = (state: TestResult['state']) => own.filter((result) => result.state === state).length
  const counts = (['passed', 'failed', 'skipped'] as const).flatMap((state) =>
    count(state) > 0 ? [`${count(state)} ${state}`] : [],
  )
  return counts.join(', ')
}
