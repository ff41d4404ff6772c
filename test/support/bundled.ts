import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'

/** Below node_modules, from where the packages it imports are found. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/test-children', import.meta.url))

const built = new Map<string, string>()

/** A `.ts` program as one plain file: a child that had to transform its sources would start four times as slowly. */
export function bundled(path: string): string {
  const known = built.get(path)
  if (known) return known
  const [file] = buildSync({
    entryPoints: [path],
    ...{ bundle: true, write: false, packages: 'external', platform: 'node', format: 'esm', target: 'node20' },
    // What it reads from disk lies beside the program, not beside the bundle.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(path)) },
  }).outputFiles
  // Named after what is in it, and moved into place whole: test files that run side by side build the same one.
  const hash = createHash('sha256').update(file!.contents).digest('hex').slice(0, 16)
  const target = join(FOLDER, `${basename(path, '.ts')}-${hash}.mjs`)
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(`${target}.${process.pid}`, file!.contents)
  renameSync(`${target}.${process.pid}`, target)
  built.set(path, target)
  return target
}
