import { basename, dirname, extname, join, resolve } from 'node:path'
import { SidecarError } from '../errors.js'
import { configFolders, filesNamed, foldersIn, isDirectory, isFile, packageFolder, profileFile } from './files.js'
import { parseLocationGroups, type ConfigLocation } from './locations.js'
import { isNacosFile, NACOS_FILES } from './run/nacos-file.js'

export interface FileSource {
  readonly path: string
  /** How to read it, if its own name does not show it: `.yml`. */
  readonly extension?: string | undefined
}

/** Where files are, for no profile or for one. */
export interface FilePlace {
  /** Those that are there, weakest first. */
  files(profile?: string): readonly FileSource[]
  /** It holds bootstrap files. @default false */
  readonly bootstrap?: boolean
}

/** Folders of equal rank, the last one the strongest: the profile counts first, then the folder. */
function foldersPlace(folders: readonly string[], name: string): FilePlace {
  return {
    files: (profile) =>
      folders.flatMap((folder) => filesNamed(folder, name, profile)).map((path): FileSource => ({ path })),
  }
}

/** The folder itself, `config/` in it, and the folders in that. */
function configPlace(folder: string, name: string): FilePlace {
  return foldersPlace(configFolders(folder), name)
}

/** nacos.yaml of a folder; it has no files for profiles. */
function nacosPlace(folder: string): FilePlace {
  const files = NACOS_FILES.map((name) => join(folder, name)).filter(isFile)
  return { files: (profile) => (profile === undefined ? files.map((path) => ({ path })) : []) }
}

function filePlace(path: string, extension?: string): FilePlace {
  return {
    files: (profile) =>
      (profile === undefined ? [path] : profileFile(path, profile)).map((file): FileSource => ({
        path: file,
        extension,
      })),
  }
}

export interface PlaceContext {
  readonly cwd: string
  /** The main script. */
  readonly main: string | undefined
  /** The file that names the place. */
  readonly from: string | undefined
  /** The file name to look for in a folder. @default application */
  readonly name?: string
}

/**
 * What a location means: a file, a folder (it ends with a slash) or, of `configtree:`, the folder as a tree of keys.
 *
 * @returns `place`: it is there; `tried`: where it was looked for, `undefined` for a scheme that is no file's.
 */
export function findPlace(
  location: ConfigLocation,
  context: PlaceContext,
): { place?: FilePlace; tried?: readonly string[] } {
  const bases = basesOf(location, context)
  if (!bases) return {}
  // `file:///etc/x` is `file:/etc/x`; of a class path every path starts at its root.
  const path = location.path.replace(location.scheme === 'classpath' ? /^\/+/ : /^\/\/(?=\/)/, '')
  const tried = bases.map((base) => resolve(base, path))
  const open = location.scheme === 'configtree' ? treePlace : /[/\\]$/.test(path) ? folderPlace : namedFile
  for (const candidate of tried) {
    const place = open(candidate, context.name ?? 'application')
    if (place) return { place, tried }
  }
  return { tried }
}

function treePlace(path: string): FilePlace | undefined {
  const folders = spread(path)
  if (folders.length === 0) return undefined
  return { files: (profile) => (profile === undefined ? folders.map((folder) => ({ path: folder })) : []) }
}

function folderPlace(path: string, name: string): FilePlace | undefined {
  const folders = spread(path)
  return folders.length > 0 ? foldersPlace(folders, name) : undefined
}

/** `/etc/settings[.yml]`: a file without an extension, and how to read it. */
function namedFile(path: string): FilePlace | undefined {
  const [, plain, hint] = /^(.*)\[(\.\w+)\]$/s.exec(path) ?? []
  const file = plain ?? path
  return isFile(file) ? filePlace(file, hint ?? (extname(file) || undefined)) : undefined
}

/** A path that ends with `*` is every folder there. */
function spread(path: string): string[] {
  if (path.endsWith('*')) return foldersIn(dirname(path))
  return isDirectory(path) ? [path] : []
}

/** The folders that a relative path may start from; `undefined` for a scheme that is no file's. */
function basesOf({ scheme }: ConfigLocation, { cwd, main, from }: PlaceContext): string[] | undefined {
  const beside = from === undefined ? [] : [dirname(from)]
  switch (scheme) {
    case undefined:
    case 'resource':
      return beside.length > 0 ? beside : [cwd]
    case 'file':
    case 'configtree':
      return [...new Set([cwd, ...beside])]
    case 'classpath': {
      const package_ = main === undefined ? undefined : packageFolder(main)
      const home = main === undefined ? [] : [isDirectory(main) ? main : dirname(main)]
      return [...new Set([...home, ...(package_ ? [package_] : []), ...beside])]
    }
    default:
      return undefined
  }
}

/** Where the settings are. */
export interface SettingsPlaces {
  /** Lowest first. */
  readonly places: readonly FilePlace[]
  /** The file that messages name for all of them; `undefined` where there is none. */
  readonly file: string | undefined
  readonly tried: readonly string[]
}

export interface SettingsSearch {
  /** Asked for by name, a file or a folder; `false`: none. */
  readonly explicit: string | false | undefined
  readonly cwd: string
  /** The main script: the folder of its package.json is the last one looked at. */
  readonly main: string | undefined
  /** `spring.config.name`. @default application */
  readonly names?: readonly string[]
  /** `spring.config.location`: in place of the usual folders. */
  readonly location?: string | undefined
  /** `spring.config.additional-location`: beside them, and stronger. */
  readonly additional?: string | undefined
}

/** Where `.env` lies: in the folder that the settings were looked for in. */
export function homeOf(search: SettingsSearch): string {
  const { explicit, cwd } = search
  if (explicit === false) return cwd
  if (explicit === undefined) return searchedFolders(search)[0] ?? cwd
  const path = resolve(cwd, explicit)
  return isDirectory(path) ? path : dirname(path)
}

/**
 * bootstrap.* and, stronger, application.*: of the working directory, else of the main script's package; or what the
 * caller or `spring.config.location` names. nacos.yaml stands in for a bootstrap file.
 *
 * @throws SidecarError SIDECAR_SETTINGS_NOT_FOUND where a location that is not optional is not there.
 */
export function settingsPlaces(search: SettingsSearch): SettingsPlaces {
  const { explicit, cwd, location, additional } = search
  const names = search.names?.length ? search.names : ['application']
  const named = (folder: string) => names.map((name) => configPlace(folder, name))
  if (explicit === false) return { places: [], file: undefined, tried: [] }

  const path = explicit === undefined ? undefined : resolve(cwd, explicit)
  if (path !== undefined && !isDirectory(path)) {
    if (!isFile(path)) return { places: [], file: undefined, tried: [path] }
    // A bootstrap file that is named by its path has its application files beside it all the same.
    const bootstrap = /^bootstrap\.\w+$/.test(basename(path))
    const places = [{ ...namedPlace(path), bootstrap }, ...(bootstrap ? named(dirname(path)) : [])]
    return { places, file: path, tried: [path] }
  }

  const folders = path === undefined ? searchedFolders(search) : [path]
  const home = folders[0]
  const located = (text: string | undefined) => locatedPlaces(text, { ...search, from: undefined }, names)
  const usual = home === undefined || location ? [] : named(home)
  const bootstrap = home === undefined ? [] : [{ ...configPlace(home, 'bootstrap'), bootstrap: true }]
  // Another way to write bootstrap.yml, not a further layer.
  const instead = bootstrap.every((place) => place.files().length === 0)
  const nacos = home === undefined || !instead ? [] : [nacosPlace(home)]
  const places = [...nacos, ...bootstrap, ...usual, ...located(location), ...located(additional)]
  const tried = expectedIn(path === undefined ? defaultFolders(search) : [path], names)
  return { places, file: places.flatMap((place) => place.files())[0]?.path, tried }
}

/** The folder that has one of the files; bootstrap files and nacos.yaml count before application files. */
function searchedFolders(search: SettingsSearch): string[] {
  const names = search.names?.length ? search.names : ['application']
  const folders = defaultFolders(search)
  const has = (name: string) => (folder: string) => configPlace(folder, name).files().length > 0
  const found =
    folders.find((folder) => has('bootstrap')(folder) || nacosPlace(folder).files().length > 0) ??
    folders.find((folder) => names.some((name) => has(name)(folder)))
  return found === undefined ? [] : [found]
}

function defaultFolders({ cwd, main }: SettingsSearch): string[] {
  const own = main === undefined ? undefined : packageFolder(main)
  return [...new Set([cwd, ...(own === undefined ? [] : [own])])]
}

/** The places of `spring.config.location`: a comma begins a stronger one, a semicolon joins those of equal rank. */
function locatedPlaces(text: string | undefined, context: PlaceContext, names: readonly string[]): FilePlace[] {
  return parseLocationGroups(text ?? '').flatMap((group) =>
    names.map((name) => {
      const found = group.flatMap((location) => {
        const { place, tried = [] } = findPlace(location, { ...context, name })
        if (place) return [place]
        if (location.optional) return []
        throw new SidecarError(
          'SIDECAR_SETTINGS_NOT_FOUND',
          `spring.config.location: ${location.source} was not found; looked for ${tried.join(', ')}. Create it, or write optional:${location.source}`,
        )
      })
      return { files: (profile) => found.flatMap((place) => place.files(profile)) }
    }),
  )
}

/** A file, and for a profile the files beside it, whatever their extension. */
function namedPlace(path: string): FilePlace {
  const stem = basename(path, extname(path))
  const forProfile = (profile: string) => (isNacosFile(path) ? [] : filesNamed(dirname(path), stem, profile))
  return {
    files: (profile) => (profile === undefined ? [path] : forProfile(profile)).map((file) => ({ path: file })),
  }
}

function expectedIn(folders: readonly string[], names: readonly string[]): string[] {
  return folders.flatMap((folder) => [
    ...['bootstrap', ...names].flatMap((name) =>
      ['.yml', '.yaml', '.properties'].map((extension) => join(folder, `${name}${extension}`)),
    ),
    ...NACOS_FILES.map((name) => join(folder, name)),
  ])
}
