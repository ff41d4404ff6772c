import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, TestCase } from 'vitest/node'

/** Writes one JSON line a test to the file in `TEST_RESULTS`; `npm run reliability` makes docs/reliability.md of them. */
export default class Results implements Reporter {
  readonly #file = process.env['TEST_RESULTS']

  onTestCaseResult(test: TestCase): void {
    if (this.#file === undefined) return
    const { state, ...result } = test.result()
    const line = {
      title: test.fullName,
      file: relative(process.cwd(), test.module.moduleId).replaceAll('\\', '/'),
      state,
      ...('note' in result && result.note !== undefined && { note: result.note }),
    }
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}
