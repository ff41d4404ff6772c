import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Gives the run a folder of temporary files of its own: whatever a test or its child leaves there goes with it. */
export function setup() {
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-test-'))
  // Some tests drop root's rights and must still find theirs.
  chmodSync(folder, 0o755)
  // Workers and their children inherit it.
  process.env['TMPDIR'] = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
