import { build } from 'esbuild'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

export interface Bundles {
  readonly child: string
  readonly registry: string
}

/** The child processes as plain JavaScript: a loader in them would be measured too. The package itself is `dist`. */
export async function bundle(): Promise<Bundles> {
  const outdir = join(root, 'node_modules', '.cache', 'bench')
  mkdirSync(outdir, { recursive: true })
  await build({
    entryPoints: { child: join(here, 'child.ts'), registry: join(here, 'live', 'registry-child.ts') },
    outdir,
    outExtension: { '.js': '.mjs' },
    ...{ bundle: true, splitting: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' },
  })
  return { child: join(outdir, 'child.mjs'), registry: join(outdir, 'registry.mjs') }
}
