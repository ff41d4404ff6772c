import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, extname, isAbsolute, join, relative, resolve } from 'node:path'
import { SidecarError, messageOf } from '../errors.js'

const NAMES = ['bootstrap.yml', 'bootstrap.yaml']
/** No bootstrap.yml written by hand comes near it. */
const MAX_BYTES = 1024 * 1024

export interface Search {
  /** Asked for by name: it must be there. */
  readonly explicit: string | undefined
  readonly cwd: string
  /** The main script: the folder of its package.json is the last place looked at. */
  readonly main: string | undefined
}

/** bootstrap.yml, or every path that was looked for. */
export function findBootstrap(search: Search): { file: string | undefined; tried: string[] } {
  const tried = candidates(search)
  return { file: tried.find(isFile), tried }
}

function candidates({ explicit, cwd, main }: Search): string[] {
  if (explicit !== undefined) {
    const path = resolve(cwd, explicit)
    return isDirectory(path) ? NAMES.map((name) => join(path, name)) : [path]
  }
  const folders = new Set([cwd, main === undefined ? undefined : packageFolder(main)])
  return [...folders].flatMap((folder) => (folder === undefined ? [] : NAMES.map((name) => join(folder, name))))
}

/** Files that stand beside `file` for a profile: bootstrap-dev.yml, then bootstrap-dev.yaml. */
export function profileFiles(file: string, profile: string): string[] {
  const stem = file.slice(0, -extname(file).length)
  return ['.yml', '.yaml'].map((extension) => `${stem}-${profile}${extension}`).filter(isFile)
}

/** A short name where the file lies below the working directory, else the whole path. */
export function displayName(file: string, cwd: string): string {
  const short = relative(cwd, file)
  return short.startsWith('..') || isAbsolute(short) ? file : short
}

/** UTF-8 with or without BOM. @param name as the file is called in messages. */
export function readText(file: string, name: string): string {
  let bytes: Buffer
  try {
    const { size } = statSync(file)
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, more than the ${MAX_BYTES} that are accepted`)
    bytes = readFileSync(file)
  } catch (error) {
    throw new SidecarError('SIDECAR_SETTINGS_UNREADABLE', `${name} cannot be read: ${messageOf(error)}`)
  }
  return decodeText(bytes, name)
}

function decodeText(bytes: Buffer, name: string): string {
  const utf16 = (order: string) =>
    new SidecarError('SIDECAR_SETTINGS_UNREADABLE', `${name} is UTF-16 (${order}-endian): save it as UTF-8`)
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes.length > 1 && bytes[0] !== 0 && bytes[1] === 0))
    throw utf16('little')
  if ((bytes[0] === 0xfe && bytes[1] === 0xff) || (bytes.length > 1 && bytes[0] === 0 && bytes[1] !== 0))
    throw utf16('big')
  try {
    // Takes the BOM away.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new SidecarError('SIDECAR_SETTINGS_UNREADABLE', `${name} is not UTF-8: save it as UTF-8`)
  }
}

function packageFolder(main: string): string | undefined {
  let folder: string
  try {
    folder = dirname(realpathSync(main))
  } catch {
    return undefined
  }
  for (;;) {
    if (existsSync(join(folder, 'package.json'))) return folder
    const parent = dirname(folder)
    if (parent === folder) return undefined
    folder = parent
  }
}

// What is there but cannot be looked at counts as found: reading it then says why not.
function isFile(path: string): boolean {
  try {
    return !statSync(path).isDirectory()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
