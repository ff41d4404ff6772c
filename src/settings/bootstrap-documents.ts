import { SidecarError, type SidecarErrorCode } from '../errors.js'
import { DocumentError } from '../properties/document-error.js'
import type { PropertyDocument } from '../properties/document.js'
import { readYaml } from '../properties/yaml.js'
import { isActive, orDefault, sectionsOf, type Section } from './activation.js'
import { displayName, profileFiles, readText } from './files.js'
import { withOpenFeign } from './openfeign.js'

/** One `---` document of a file, and when it counts. */
interface FileSection extends Section {
  readonly document: PropertyDocument
}

/** Every `---` document of a YAML file that this platform is meant by, in its order. */
export function readSections(file: string, cwd: string): FileSection[] {
  const name = displayName(file, cwd)
  const documents = orRefuse('SIDECAR_SETTINGS_SYNTAX', () => readYaml(readText(file, name), name))
  return sectionsOf(documents, true).map((section) => ({
    ...section,
    document: { name, layer: 'local', entries: withOpenFeign(section.entries) },
  }))
}

/**
 * What of bootstrap.yml and the files beside it is for the active profiles, lowest first: its own documents in order,
 * then bootstrap-{profile}.yml, the last profile the strongest.
 */
export function documentsFor(
  sections: readonly FileSection[],
  file: string,
  active: readonly string[],
  cwd: string,
): PropertyDocument[] {
  const beside = orDefault(active)
    .flatMap((profile) => (/^[\w.@+-]+$/.test(profile) ? profileFiles(file, profile) : []))
    .flatMap((path) => readSections(path, cwd))
  const counts = (section: FileSection) =>
    orRefuse('SIDECAR_SETTINGS_INVALID', () => isActive(section, active, section.document.name))
  return [...sections, ...beside].filter(counts).map((section) => section.document)
}

function orRefuse<T>(code: SidecarErrorCode, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DocumentError) throw new SidecarError(code, error.message)
    throw error
  }
}
