import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached, cacheFolder } from './cache.js'
import { runTool } from './run-tool.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * A folder of packages of npm as an app has them installed, with this package beside them; installed on first use.
 *
 * @param packages such as `express@5`
 * @returns the `node_modules`
 */
export async function npmPackages(name: string, packages: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12)
  const own = `npm-${name}-${hash}`
  const folder = await cached(own, async (aside) => {
    console.log(`installing ${packages.join(', ')} with npm`)
    const args = ['install', '--prefix', aside, '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock']
    await runTool('npm', [...args, ...packages], aside, join(cacheFolder(), `${own}.log`))
  })
  return join(folder, 'node_modules')
}

/** Makes the packages, and this one, those of the app in `folder`. */
export function linkPackages(folder: string, packages: string): void {
  for (const name of readdirSync(packages)) if (!name.startsWith('.')) link(folder, join(packages, name), name)
  link(folder, ROOT, 'nacos-sidecar')
}

/** The same, with a copy of this one: it loads the app's own versions of its peers, not those of this repository. */
export function installBeside(folder: string, packages?: string): void {
  const copy = join(folder, 'node_modules', 'nacos-sidecar')
  mkdirSync(copy, { recursive: true })
  for (const part of ['dist', 'package.json']) cpSync(join(ROOT, part), join(copy, part), { recursive: true })
  for (const name of packages === undefined ? [] : readdirSync(packages))
    if (!name.startsWith('.')) link(folder, join(packages!, name), name)
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
  for (const name of Object.keys(dependencies)) link(copy, join(ROOT, 'node_modules', name), name)
}

function link(folder: string, target: string, name: string): void {
  const path = join(folder, 'node_modules', name)
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path, 'junction')
}
