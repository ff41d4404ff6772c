import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node'

/** How much of a message says what went wrong; the whole of it stands in the log of the step. */
const LINES = 6

/**
 * Writes every failure to the file in `TEST_FAILURES` the moment it happens: a run that is cut off, or whose log is,
 * still says what failed. The last line counts: `passed failed skipped`.
 */
export default class Failures implements Reporter {
  readonly #file = process.env['TEST_FAILURES']
  #counts = { passed: 0, failed: 0, skipped: 0, pending: 0 }

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result()
    this.#counts[state]++
    const name = `${where(test.module)} > ${test.fullName}`
    if (state === 'failed') this.#write('FAILED', name, errors)
  }

  onTestSuiteResult(suite: TestSuite): void {
    this.#broken(`${where(suite.module)} > ${suite.fullName}`, suite.errors())
  }

  onTestModuleEnd(module: TestModule): void {
    this.#broken(where(module), module.errors())
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#broken('outside any test', unhandled)
    const { passed, failed, skipped } = this.#counts
    this.#append(`${passed} ${failed} ${skipped}\n`)
  }

  /** What failed without being a test: a hook, a file that does not load, an unhandled rejection. */
  #broken(name: string, errors: readonly SerializedError[]): void {
    if (errors.length === 0) return
    this.#counts.failed++
    this.#write('FAILED', name, errors)
  }

  #write(what: string, name: string, errors: readonly SerializedError[]): void {
    const messages = errors.map(({ message }) => indent(message)).join('\n')
    this.#append(`${what} ${name}\n${messages}\n`)
  }

  #append(text: string): void {
    if (this.#file !== undefined) appendFileSync(this.#file, text)
  }
}

function where(module: TestModule): string {
  return relative(process.cwd(), module.moduleId)
}

function indent(message: string): string {
  const lines = message.split('\n').slice(0, LINES)
  return lines.map((line) => `    ${line}`).join('\n')
}
