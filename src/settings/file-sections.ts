import { readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { messageOf, SidecarError, type SidecarErrorCode } from '../errors.js'
import { DocumentError } from '../properties/document-error.js'
import { textEntry, type PropertyDocument, type PropertyEntry } from '../properties/document.js'
import { formatOf, readDocument } from '../properties/formats.js'
import { documentPath, type PropertyPath } from '../properties/path.js'
import { sectionsOf, type Section } from '../properties/activation.js'
import { displayName, isDirectory, readText } from './files.js'
import { withOpenFeign } from './openfeign.js'
import { isNacosFile, readNacosFile } from './run/nacos-file.js'

/** One `---` document of a file, and when it counts. */
export interface FileSection extends Section {
  readonly document: PropertyDocument
  /** The file itself, which its imports are relative to. */
  readonly file: string
  /** Unknown keys of a nacos.yaml. */
  readonly warnings?: readonly string[]
}

/**
 * Every `---` document of a file that this platform is meant by, in its order.
 *
 * @param extension how to read it, if the file's own name does not show it
 */
export function readSections(file: string, cwd: string, extension = extname(file)): FileSection[] {
  const name = displayName(file, cwd)
  const text = readText(file, name)
  const documents = orThrow('SIDECAR_SETTINGS_SYNTAX', () => {
    const format = formatOf(extension.slice(1))
    if (format === 'properties') return propertiesParts(text).flatMap((part) => readDocument(part, format, name, name))
    return readDocument(text, format === 'json' ? 'json' : 'yaml', name, name)
  })
  return sectionsOf(documents, true).map((section) => {
    const { entries, warnings } = isNacosFile(file)
      ? readNacosFile(section.entries, name)
      : { entries: section.entries, warnings: [] }
    return { ...section, file, document: { name, layer: 'local', entries: withOpenFeign(entries) }, warnings }
  })
}

/** `configtree:`, as Kubernetes mounts it: every file below the folder is a key, its content the value. */
export function readConfigTree(folder: string, cwd: string): FileSection {
  const name = displayName(folder, cwd)
  const entries: PropertyEntry[] = []
  const visit = (at: string, path: readonly string[]) => {
    for (const child of readdirSync(at).sort()) {
      // Kubernetes keeps the files themselves in folders whose names begin with two dots.
      if (child.startsWith('..')) continue
      const file = join(at, child)
      const key = [...path, child]
      if (isDirectory(file)) visit(file, key)
      else if (statSync(file).isFile()) {
        const text = readText(file, displayName(file, cwd)).replace(/\r?\n$/, '')
        entries.push(textEntry(pathOf(key.join('.'), displayName(file, cwd)), text, { key: key.join('.') }))
      }
    }
  }
  orThrow('SIDECAR_SETTINGS_UNREADABLE', () => visit(folder, []))
  return { document: { name, layer: 'local', entries }, entries, profiles: undefined, file: join(folder, 'x') }
}

function pathOf(key: string, file: string): PropertyPath {
  try {
    return documentPath(key)
  } catch (error) {
    throw new DocumentError(file, messageOf(error))
  }
}

/** An error in a file becomes an error of the settings. */
export function orThrow<T>(code: SidecarErrorCode, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DocumentError) throw new SidecarError(code, error.message)
    throw error
  }
}

/** A properties file in parts, which `#---` or `!---` separates; each keeps its line numbers. */
function propertiesParts(text: string): string[] {
  const lines = text.split('\n')
  const cuts = lines.flatMap((line, index) => (/^[#!]---\s*$/.test(line) ? [index] : []))
  return [...cuts, lines.length].map((end, part) => {
    const start = part === 0 ? 0 : cuts[part - 1]! + 1
    return '\n'.repeat(start) + lines.slice(start, end).join('\n')
  })
}
