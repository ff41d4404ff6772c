import { vi } from 'vitest'

// vitest waits for a second, which on a busy machine says more of the machine than of the code. Where time matters, the
// test asserts it.
const PATIENCE_MS = 15_000
const patient = Symbol.for('patient')

const { waitFor } = vi
if (!(patient in waitFor)) {
  const wait: typeof waitFor = (callback, options) =>
    waitFor(callback, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options })
  vi.waitFor = Object.assign(wait, { [patient]: true })
}
