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

// Several suites run the faults: each test counts once, by its worst run.
const WORST_FIRST = ['failed', 'passed', 'skipped', 'pending']
const byTest = new Map<string, TestResult>()
for (const file of files) {
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const result = JSON.parse(line) as TestResult
    const key = `${result.file} ${result.title}`
    const known = byTest.get(key)
    if (!known || WORST_FIRST.indexOf(result.state) < WORST_FIRST.indexOf(known.state)) byTest.set(key, result)
  }
}
const results = [...byTest.values()]
const passed = results.filter(({ state }) => state === 'passed').length
const from = `${passed} passed tests of a run on ${new Date().toISOString().slice(0, 10)} with Node ${process.version}`
const { text, problems } = reliabilityPage(results, from)
if (!check) writeFileSync(PAGE, text)
for (const problem of problems) console.log(problem)
if (problems.length > 0) process.exitCode = 1
else console.log(`every row has a test that passed (${results.length} tests)`)
