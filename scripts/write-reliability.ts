import { readFileSync, writeFileSync } from 'node:fs'
import { reliabilityPage, type TestResult } from './reliability/page.js'

/**
 * `npm run reliability -- FILE…`: docs/reliability.md from the results of test runs (`TEST_RESULTS=FILE`).
 * `--check` writes nothing and fails where a row has no test that passed.
 */
const PAGE = 'docs/reliability.md'
const files = process.argv.slice(2).filter((argument) => argument !== '--check')
const check = process.argv.includes('--check')
if (files.length === 0) throw new Error('name the files that TEST_RESULTS wrote')

const results = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TestResult),
)
const passed = results.filter(({ state }) => state === 'passed').length
const from = `${passed} passed tests of a run on ${new Date().toISOString().slice(0, 10)} with Node ${process.version}`
const { text, problems } = reliabilityPage(results, from)
if (!check) writeFileSync(PAGE, text)
for (const problem of problems) console.log(problem)
if (problems.length > 0) process.exitCode = 1
else console.log(`every row has a test that passed (${results.length} tests)`)
