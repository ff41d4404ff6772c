import { execFile } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached, cacheFolder } from './cache.js'
import { runTool } from './run-tool.js'

const run = promisify(execFile)

const APT_OPTIONS = ['APT::Sandbox::User=root', 'Acquire::Retries=5']
const FLAGS = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances']

/** A search takes a core for a second: one in a process for each pattern. */
const searched = new Map<string, Promise<string | undefined>>()

/** The last package whose name matches; `undefined` without one, or without apt. */
export function newestPackage(names: string): Promise<string | undefined> {
  const known = searched.get(names)
  if (known) return known
  const found = run('apt-cache', ['search', '--names-only', names]).then(
    ({ stdout }) => [...stdout.matchAll(/^(\S+) - /gm)].map(([, name]) => name!).at(-1),
    () => undefined,
  )
  searched.set(names, found)
  return found
}

/**
 * A package of Debian with the libraries that this machine lacks, unpacked into the cache without root.
 *
 * @param also further packages, without what they depend on
 */
export function unpackPackage(name: string, also: readonly string[] = []): Promise<string> {
  return cached(name, async (aside) => {
    console.log(`unpacking ${name} and its libraries`)
    const log = join(cacheFolder(), `${name}.log`)
    const needed = [...(await lacking(name)), ...also]
    await runTool('apt-get', ['download', ...APT_OPTIONS.flatMap((option) => ['-o', option]), ...needed], aside, log)
    const packages = readdirSync(aside).filter((file) => file.endsWith('.deb'))
    for (const file of packages) await runTool('dpkg', ['-x', file, aside], aside, log)
    for (const file of packages) rmSync(join(aside, file))
  })
}

/** The folders of the libraries of an unpacked package. @param inner folders below them that count as well */
export function librariesIn(folder: string, inner: readonly string[] = []): string[] {
  const roots = ['usr/lib', 'lib'].map((root) => join(folder, root)).filter((root) => existsSync(root))
  return roots.flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.includes('-linux-gnu'))
      .flatMap((name) => ['', ...inner].map((below) => join(root, name, below)))
      .filter((path) => existsSync(path)),
  )
}

/** The package, and of what it depends on the libraries that are not installed. */
async function lacking(name: string): Promise<string[]> {
  const args = ['depends', '--recurse', ...FLAGS.map((flag) => `--no-${flag}`), name]
  const { stdout } = await run('apt-cache', args, { maxBuffer: 1 << 24 })
  const libraries = [...new Set(stdout.match(/^lib[\w.+-]+/gm))]
  const installed = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n'])
  const there = new Set([...installed.stdout.matchAll(/^(\S+) installed$/gm)].map(([, found]) => found))
  return [name, ...libraries.filter((library) => !there.has(library))]
}
