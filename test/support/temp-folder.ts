import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/**
 * A folder with these files, gone when the test is.
 *
 * @param finished that of the test's own context where tests run at the same time.
 */
export function tempFolder(
  files: Record<string, string | Uint8Array> = {},
  finished: (cleanUp: () => void) => void = onTestFinished,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-'))
  finished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}
