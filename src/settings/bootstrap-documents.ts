import { SidecarError, messageOf } from '../errors.js'
import { DocumentError, locate } from '../properties/document-error.js'
import type { PropertyDocument, PropertyEntry } from '../properties/document.js'
import { formatPath, relaxed, type PropertyPath } from '../properties/path.js'
import { readYaml } from '../properties/yaml.js'
import { displayName, profileFiles, readText } from './files.js'
import { withOpenFeign } from './openfeign.js'
import { profilesMatch } from './profiles.js'

/** One `---` document of a file and the profiles it is for; `undefined`: for all. */
interface Section {
  readonly document: PropertyDocument
  readonly profiles: readonly PropertyEntry[] | undefined
}

const ACTIVATION = ['config.activate.onprofile', 'profiles']
const PLATFORM = 'config.activate.oncloudplatform'

/** Every `---` document of a YAML file that this platform is meant by, in its order. */
export function readSections(file: string, cwd: string): Section[] {
  const name = displayName(file, cwd)
  return parse(readText(file, name), name).flatMap((entries) => {
    const platform = entries.find((entry) => plainName(entry.path) === PLATFORM)
    if (platform && platform.text.toLowerCase() !== currentPlatform()) return []
    const [profiles, others] = partition(entries, (entry) => ACTIVATION.includes(plainName(withoutIndex(entry.path))))
    const document: PropertyDocument = { name, layer: 'local', entries: withOpenFeign(others) }
    return [{ document, profiles: profiles.length > 0 ? profiles : undefined }]
  })
}

/**
 * What of bootstrap.yml and the files beside it is for the active profiles, lowest first: its own documents in order,
 * then bootstrap-{profile}.yml, the last profile the strongest.
 */
export function documentsFor(
  sections: readonly Section[],
  file: string,
  active: readonly string[],
  cwd: string,
): PropertyDocument[] {
  // Spring's name for "no profile".
  const profiles = active.length > 0 ? active : ['default']
  const own = sections.filter((section) => isFor(section, profiles))
  const beside = profiles
    .flatMap((profile) => (/^[\w.@+-]+$/.test(profile) ? profileFiles(file, profile) : []))
    .flatMap((path) => readSections(path, cwd))
    .filter((section) => isFor(section, profiles))
  return [...own, ...beside].map((section) => section.document)
}

function isFor(section: Section, active: readonly string[]): boolean {
  if (!section.profiles) return true
  const expressions = section.profiles.flatMap((entry) => entry.text.split(',').map((part) => part.trim()))
  try {
    return profilesMatch(expressions.filter(Boolean), active)
  } catch (error) {
    const { line, column } = section.profiles[0]!
    const place = locate(section.document.name, line, column)
    throw new SidecarError('SIDECAR_SETTINGS_INVALID', `${place}: ${messageOf(error)}`)
  }
}

function parse(text: string, name: string): PropertyEntry[][] {
  try {
    return readYaml(text, name)
  } catch (error) {
    if (error instanceof DocumentError) throw new SidecarError('SIDECAR_SETTINGS_SYNTAX', error.message)
    throw error
  }
}

/** `spring.profiles: a` is the old way to say it; `spring.profiles.active` is another matter and keeps its path. */
function withoutIndex(path: PropertyPath): PropertyPath {
  return typeof path.at(-1) === 'number' ? path.slice(0, -1) : path
}

function plainName(path: PropertyPath): string {
  return formatPath(path.map((part) => (typeof part === 'string' ? relaxed(part) : part)))
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}

function currentPlatform(): string {
  return process.env['KUBERNETES_SERVICE_HOST'] ? 'kubernetes' : 'none'
}
