import { writeFileSync } from 'node:fs'
import { coveragePage } from './coverage-page/page.js'

/** `npm run coverage-page`: docs/coverage.md from scripts/coverage-page/*.yml. Fails where a row names no test that exists. */
const { text, problems } = coveragePage()
for (const problem of problems) console.log(problem)
if (problems.length > 0) process.exitCode = 1
else writeFileSync('docs/coverage.md', text)
