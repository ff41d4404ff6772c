import { vi } from 'vitest'

// vitest waits for a second, which on a busy machine says more of the machine than of the code. Where time matters, the
// test asserts it.
const TIMEOUT_MS = 15_000
const extended = Symbol.for('waitFor with a longer timeout')

const { waitFor } = vi
if (!(extended in waitFor)) {
  const wait: typeof waitFor = (callback, options) =>
    waitFor(callback, typeof options === 'number' ? options : { timeout: TIMEOUT_MS, ...options })
  vi.waitFor = Object.assign(wait, { [extended]: true })
}
