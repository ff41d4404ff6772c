import fc from 'fast-check'
import { SidecarError } from 'nacos-sidecar'
import { expect, test } from 'vitest'

/** `npm run fuzz` sets it: how long each target runs. In `npm test` a target runs a few times, from a fixed seed. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 0)
const seed = Number(process.env['FUZZ_SEED'] ?? (seconds > 0 ? Date.now() % 2 ** 31 : 20_261_127))
const SHORT_RUNS = 25
const SHORT_MS = 5_000

/** What a secret of a set-up is called in every target: it must not turn up anywhere. */
export const CANARY = 'canary-7f3a-secret'

/** The longest that one input may keep the event loop, in ms. */
export const MAX_STALL_MS = 50

/**
 * One fuzz target. After each input nothing may have been written to `Object.prototype`. A failure names the seed and
 * the path: run it again with `FUZZ_SEED=… npx vitest run test/fuzz`.
 *
 * @param check throws for an input that breaks something; refusing an input by a `SidecarError` is the target's own matter.
 */
export function fuzz<T>(title: string, inputs: fc.Arbitrary<T>, check: (input: T) => void | Promise<void>): void {
  test(`fuzz: ${title}`, { timeout: seconds * 1000 + 60_000 }, async () => {
    const before = Object.getOwnPropertyNames(Object.prototype).length
    const property = fc.asyncProperty(inputs, async (input) => {
      await check(input)
      expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before)
    })
    const result = await fc.check(property, {
      seed,
      numRuns: seconds > 0 ? 1_000_000_000 : SHORT_RUNS,
      interruptAfterTimeLimit: seconds > 0 ? seconds * 1000 : SHORT_MS,
      markInterruptAsFailure: false,
      endOnFailure: false,
    })
    if (seconds > 0) console.log(`fuzz: ${title}: ${result.numRuns} inputs, seed ${seed}`)
    if (result.failed)
      throw new Error(`seed ${seed}\n${fc.defaultReportMessage(result)}`, { cause: result.errorInstance })
    expect(result.numRuns).toBeGreaterThan(0)
  })
}

/** What `read` returns, or the `SidecarError` it throws; any other error is a crash. The text of neither holds the canary. */
export function readOrRefused<T>(read: () => T): { value?: T; refusal?: SidecarError } {
  try {
    return { value: read() }
  } catch (error) {
    return { refusal: refusalOf(error) }
  }
}

/** @throws what is no `SidecarError`, or one that tells the canary */
export function refusalOf(error: unknown): SidecarError {
  if (!(error instanceof SidecarError)) throw error
  expect(error.code).toMatch(/^SIDECAR_/)
  expect(`${error.message}\n${error.stack}`).not.toContain(CANARY)
  return error
}

/** That `work` keeps the event loop for at most `maxMs` of CPU time; the best of three counts. */
export function expectNoStall(maxMs: number, work: () => void): void {
  let least = Infinity
  for (let attempt = 0; attempt < 3 && least > maxMs; attempt++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  expect(least).toBeLessThanOrEqual(maxMs)
}
