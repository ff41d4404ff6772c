import { build } from 'esbuild'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bench = fileURLToPath(new URL('..', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

export interface Bundles {
  readonly child: string
  readonly registry: string
}

/**
 * The child processes of a bench as plain JavaScript: a loader in them would be measured too.
 *
 * @param folder of the bench's `child.ts`, below `test/bench`
 */
export async function bundle(folder: '.' | 'live'): Promise<Bundles> {
  const outdir = join(root, 'node_modules', '.cache', 'bench', folder)
  mkdirSync(outdir, { recursive: true })
  await build({
    entryPoints: { child: join(bench, folder, 'child.ts'), registry: join(bench, 'live', 'registry-child.ts') },
    outdir,
    outExtension: { '.js': '.mjs' },
    ...{ bundle: true, splitting: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' },
  })
  return { child: join(outdir, 'child.mjs'), registry: join(outdir, 'registry.mjs') }
}
