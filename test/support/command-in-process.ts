import { afterEach, vi } from 'vitest'

/** For commands that run in the test's own process: what they change there is put back after each test of the file, or `describe`. */
export function restoreProcessAfterEach(): void {
  const [node, script] = process.argv
  afterEach(() => {
    process.argv.splice(0, 2, node!, script!)
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })
}
