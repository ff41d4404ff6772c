import { vi } from 'vitest'

/** Longer than a busy machine takes for anything; what has to be quicker is asserted by the test. */
const PATIENCE_MS = 10_000

const waitFor = vi.waitFor

/** `vi.waitFor` gives up after a second where nothing is said: that judges the machine, not the code. */
vi.waitFor = (check, options = {}) =>
  waitFor(check, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options })
