import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, extname, isAbsolute, join, relative } from 'node:path'
import { SidecarError, messageOf } from '../errors.js'
import { utf8Text } from '../util/utf8-text.js'

/** Weakest first, as Spring loads them where several stand beside each other. */
const EXTENSIONS = ['.yaml', '.yml', '.properties']
/** No bootstrap.yml written by hand comes near it. */
const MAX_BYTES = 1024 * 1024

/** The files of one name in a folder, for no profile or for one: the last one is the strongest. */
export function filesNamed(folder: string, name: string, profile?: string): string[] {
  const stem = join(folder, profile === undefined ? name : `${name}-${profile}`)
  return EXTENSIONS.map((extension) => `${stem}${extension}`).filter(isFile)
}

/** The file that stands beside `file` for a profile: extra.yml → extra-dev.yml. */
export function profileFile(file: string, profile: string): string[] {
  const extension = extname(file)
  return [`${file.slice(0, -extension.length || undefined)}-${profile}${extension}`].filter(isFile)
}

/**
 * Where Spring looks below a folder: the folder, `config/`, and the folders in `config/`; the last one is the
 * strongest.
 */
export function configFolders(folder: string): string[] {
  const config = join(folder, 'config')
  return [folder, config, ...foldersIn(config)]
}

/** Every folder in a folder, by name. */
export function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    const names = entries.filter((entry) => isDirectory(join(folder, entry.name))).map((entry) => entry.name)
    return names.sort().map((name) => join(folder, name))
  } catch {
    return []
  }
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
  try {
    return utf8Text(bytes)
  } catch (error) {
    throw new SidecarError('SIDECAR_SETTINGS_UNREADABLE', `${name} ${messageOf(error)}`)
  }
}

/** The folder of the package that a script belongs to: the nearest one above it with a package.json. */
export function packageFolder(script: string): string | undefined {
  let folder: string
  try {
    folder = dirname(realpathSync(script))
  } catch {
    return undefined
  }
  return packageFolderAbove(folder)
}

/** The nearest folder, this one or above it, that holds a package.json. */
export function packageFolderAbove(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at
    if (dirname(at) === at) return undefined
  }
}

// A file without access counts as found: reading it then gives the error.
export function isFile(path: string): boolean {
  try {
    return !statSync(path).isDirectory()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
