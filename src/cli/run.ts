import cluster from 'node:cluster'
import { existsSync, readFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SidecarError } from '../errors.js'
import { isFile, packageFolderAbove } from '../settings/files.js'
import { formatRunFlags, RUN_VARIABLE } from '../settings/run/run-flags.js'
import { parseRunArguments, type RunArguments } from './run-arguments.js'
import { makesService, namedScript, runService } from './run-service.js'

/** As Node completes the name of a main script. */
const EXTENSIONS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '/index.js', '/package.json']
/**
 * `nacos-sidecar run`: starts the sidecar in this process, so that signals, exit code, output and IPC are the app's own.
 *
 * @param register URL of `nacos-sidecar/register` in this package: the app then shares this copy of the library
 * @returns starts the app; its errors are its own, and are reported as Node reports them
 */
export async function run(argv: readonly string[], register: string): Promise<() => unknown> {
  const asked = parseRunArguments(argv)
  if (asked.mode === 'help') {
    const { runHelp } = await import('./run-help.js')
    console.log(runHelp(process.env, process.stdout.columns))
    return () => {}
  }
  // Without a script, the package of the working directory.
  const { file, exported } = asked.file === undefined ? {} : namedScript(asked.file)
  const main = file === undefined ? resolve('package.json') : scriptOf(file)
  process.env[RUN_VARIABLE] = formatRunFlags(main, asked.flags)
  if (asked.config !== undefined) process.env['SIDECAR_CONFIG'] = resolve(asked.config)
  if (asked.mode !== 'start') {
    const [{ showConfig, showInstance }, { showDetection }] = await Promise.all([
      import('./show.js'),
      import('./detection.js'),
    ])
    const show = { 'dry-run': showInstance, 'show-config': showConfig, 'show-detection': showDetection }[asked.mode]
    console.log(show({ main, argv: asked.args, json: asked.json }))
    return () => {}
  }
  return start(main, exported, asked, register)
}

async function start(
  main: string,
  exported: string | undefined,
  { args }: RunArguments,
  register: string,
): Promise<() => unknown> {
  // Before anything reads it: as if `node app.js args…` had been typed.
  process.argv.splice(1, Infinity, main, ...args)
  const script = EXTENSIONS.map((extension) => `${main}${extension}`).find(isFile)
  if (script !== undefined && (exported !== undefined || makesService(script))) {
    const loader = typescriptLoader(script)
    if (loader) await import(loader)
    return () => runService(script, exported)
  }
  const loader = typescriptLoader(main)
  // The workers of a cluster start the script themselves.
  if (cluster.isPrimary) {
    const imports = [...(loader ? [loader] : []), register].flatMap((url) => ['--import', url])
    cluster.settings.execArgv = [...process.execArgv, ...imports]
  }
  await import(register)
  if (loader) await import(loader)
  // An entry point of TypeScript modules is found by the hooks of the loader only.
  return () => (loader && isModule(main) ? import(pathToFileURL(main).href) : runMain())
}

/** Typed nowhere: what Node itself starts `process.argv[1]` with. */
const { runMain } = Module as unknown as { runMain(): void }

function scriptOf(file: string): string {
  const path = resolve(file)
  if (EXTENSIONS.some((extension) => existsSync(`${path}${extension}`))) return path
  throw new SidecarError('SIDECAR_SETTINGS_NOT_FOUND', `the script ${file} was not found: looked for ${path}`)
}

/**
 * tsx of the app, for a script that is TypeScript; `undefined` where another loader is there already, or where this Node
 * reads TypeScript by itself.
 */
function typescriptLoader(main: string): string | undefined {
  if (!/\.[cm]?tsx?$/.test(main)) return undefined
  const options = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ')
  if (/\b(?:tsx|ts-node|swc|esbuild|jiti|strip-types|transform-types)\b/.test(options)) return undefined
  try {
    return pathToFileURL(createRequire(main).resolve('tsx')).href
  } catch {
    const { typescript } = process.features as { typescript?: unknown }
    if (typescript) return undefined
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      `${main} is TypeScript: install tsx beside it (npm install --save-dev tsx), or use Node 22.18 or later`,
    )
  }
}

/** A .mts, or a .ts of a package of modules. */
function isModule(main: string): boolean {
  if (/\.mtsx?$/.test(main)) return true
  if (/\.ctsx?$/.test(main)) return false
  const folder = packageFolderAbove(dirname(main))
  if (folder === undefined) return false
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { type?: unknown }).type === 'module'
  } catch {
    return false
  }
}
