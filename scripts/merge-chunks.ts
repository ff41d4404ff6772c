import { build, type Plugin } from 'esbuild'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'

/** A chunk of more characters stays alone: a light entry that needs only small ones must not load it. */
const LARGE = 100_000
/** As esbuild writes them; what is of this build has its names in braces. */
const IMPORT = /^import (?:[^";]* from )?"([^"]+)";$/gm
const IMPORT_OF_BUILD = /^import (?:\{([^}]*)\} from )?"(\.[^"]+)";$/gm
const EXPORT = /^export \{([^}]*)\};$/m

interface Module {
  readonly size: number
  /** Files of this build that it loads at once. */
  readonly imports: readonly string[]
  /** True if it loads a package. */
  readonly packages: boolean
}

/**
 * Runs on the ES modules that esbuild has written. esbuild makes a chunk for each set of entries that share a source: there were
 * 31 files to load for `nacos-sidecar/register`, and a file costs Node about a millisecond. (An import of `nacos-sidecar` on
 * Node 20 takes 209 ms of CPU without this, 186 with it.) Here, chunks that are loaded together become one: *core*, which only
 * entries with a sidecar load; *base*, which the light ones load as well; *documents*, what of that loads a package.
 */
export async function mergeChunks(folder: string): Promise<void> {
  const dist = resolve(folder)
  for (const group of ['documents', 'base', 'core'] as const) {
    // Read again: each merge has changed the files.
    const modules = readModules(dist)
    const files = groupsOf(modules)[group]
    await merge(files, join(dist, `chunk-${group}.js`), [...modules.keys()])
  }
}

function readModules(dist: string): ReadonlyMap<string, Module> {
  const modules = new Map<string, Module>()
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js') || name.startsWith('pages')) continue
    const file = join(dist, name)
    const text = readFileSync(file, 'utf8')
    const imported = [...text.matchAll(IMPORT)].map(([, from]) => from!)
    modules.set(file, {
      size: text.length,
      imports: imported.filter((from) => from.startsWith('.')).map((from) => resolve(dirname(file), from)),
      packages: imported.some((from) => !from.startsWith('.') && !isBuiltin(from)),
    })
  }
  return modules
}

function groupsOf(modules: ReadonlyMap<string, Module>): Record<'core' | 'base' | 'documents', string[]> {
  const loadedWith = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
    if (seen.has(file)) return seen
    seen.add(file)
    for (const imported of modules.get(file)!.imports) loadedWith(imported, seen)
    return seen
  }
  const all = [...modules.keys()]
  const largest = all.reduce((one, other) => (modules.get(one)!.size < modules.get(other)!.size ? other : one))
  const entries = all.filter((file) => !basename(file).startsWith('chunk-')).map((file) => loadedWith(file))
  const light = new Set(entries.filter((files) => !files.has(largest)).flatMap((files) => [...files]))
  const groups: ReturnType<typeof groupsOf> = { core: [], base: [], documents: [] }
  for (const file of loadedWith(largest)) {
    const needed = [...loadedWith(file)].map((one) => modules.get(one)!)
    if (!light.has(file)) groups.core.push(file)
    // No group needs a file that needs the group: such a circle would run in the wrong order.
    else if (needed.every(({ size }) => size <= LARGE)) {
      groups[needed.some(({ packages }) => packages) ? 'documents' : 'base'].push(file)
    }
  }
  return groups
}

/** Makes one file of several, and lets all the others import that. Their lines stay where they are, for the source maps. */
async function merge(files: readonly string[], target: string, all: readonly string[]): Promise<void> {
  const publicNames = namesOf(files)
  const reexports = files.map((file) => {
    const names = [...publicNames.get(file)!].map(([name, outside]) => `${name} as ${outside}`)
    return `export { ${names.join(', ')} } from './${basename(file)}'`
  })
  const othersOutside: Plugin = {
    name: 'others-outside',
    setup({ onResolve }) {
      onResolve({ filter: /./ }, ({ path, resolveDir }) =>
        files.includes(resolve(resolveDir, path)) ? undefined : { path, external: true },
      )
    },
  }
  await build({
    stdin: { contents: reexports.join('\n'), resolveDir: dirname(target) },
    ...{ outfile: target, bundle: true, format: 'esm', platform: 'node', target: 'node20', sourcemap: true },
    plugins: [othersOutside],
  })
  for (const file of all) {
    if (files.includes(file)) {
      rmSync(file)
      rmSync(`${file}.map`)
      continue
    }
    const text = readFileSync(file, 'utf8')
    const changed = text.replace(IMPORT_OF_BUILD, (line, list: string | undefined, from: string) => {
      const names = publicNames.get(resolve(dirname(file), from))
      if (!names) return line
      const path = relative(dirname(file), target)
      const specifier = path.startsWith('.') ? path : `./${path}`
      if (list === undefined) return `import "${specifier}";`
      const renamed = list.replace(/(\w+)( as \w+)?/g, (_, name: string, as = ` as ${name}`) => {
        if (!names.has(name)) throw unexpected(file, `imports ${name}, which ${from} does not export`)
        return `${names.get(name)}${as}`
      })
      return `import {${renamed}} from "${specifier}";`
    })
    const left = files.find((merged) => changed.includes(basename(merged)))
    if (left) throw unexpected(file, `still names ${basename(left)}`)
    if (changed !== text) writeFileSync(file, changed)
  }
}

function unexpected(file: string, what: string): Error {
  return new Error(`${file} ${what}: esbuild writes modules in another way than scripts/merge-chunks.ts expects`)
}

/** What each file exports, and its name in the merged file, where each name can be only once. */
function namesOf(files: readonly string[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const taken = new Set<string>()
  return new Map(
    files.map((file) => {
      const list = EXPORT.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
      const names = list.split(',').flatMap((one) => one.trim().split(' as ').at(-1) || [])
      const inside = names.map((name) => {
        let outside = name
        for (let n = 2; taken.has(outside); n++) outside = `${name}_${n}`
        taken.add(outside)
        return [name, outside] as const
      })
      return [file, new Map(inside)]
    }),
  )
}
