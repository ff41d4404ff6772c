import type { Reporter, TestCase } from 'vitest/node'

/** Says at the end of a run what was skipped and why, one line a reason; the default reporter says how many. */
export default class SkipReasons implements Reporter {
  readonly #reasons = new Map<string, number>()

  onTestCaseResult(test: TestCase): void {
    const result = test.result()
    if (result.state !== 'skipped') return
    const reason = result.note ?? `no reason given: ${test.fullName}`
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1)
  }

  onTestRunEnd(): void {
    if (this.#reasons.size === 0) return
    console.log('\nskipped')
    for (const [reason, tests] of this.#reasons) console.log(`  ${String(tests).padStart(4)}  ${reason}`)
  }
}
