import { SidecarError } from '../errors.js'
import { locate } from '../properties/document-error.js'
import type { PropertyDocument } from '../properties/document.js'
import { relaxed, withoutSpring, type PropertyPath } from '../properties/path.js'
import type { RemoteImport } from '../properties/remote-import.js'
import type { PropertyView } from '../properties/view.js'
import { isActive, orDefault } from '../properties/activation.js'
import { orThrow, readConfigTree, readSections, type FileSection } from './file-sections.js'
import { findPlace, type FilePlace, type FileSource } from './file-places.js'
import { isDirectory } from './files.js'
import { parseLocations, type ConfigLocation } from './locations.js'

export interface LocalDocuments {
  /** Lowest first. */
  readonly documents: readonly PropertyDocument[]
  /** The `nacos:` documents that they import, lowest first. */
  readonly imports: readonly RemoteImport[]
  /** Those that are active, weakest first. */
  readonly profiles: readonly string[]
  readonly warnings: readonly string[]
}

export interface LocalDocumentsOptions {
  /** Lowest first. */
  readonly places: readonly FilePlace[]
  /** `spring.config.import` of the environment, the command line or code: it stands above every file. */
  readonly imports: readonly ConfigLocation[]
  readonly cwd: string
  /** The main script: `classpath:` is where it lies. */
  readonly main: string | undefined
  /** These documents, and what stands above every file. */
  viewOf(documents: readonly PropertyDocument[]): PropertyView
  /**
   * The profiles that are active by these documents and by what stands above every file.
   *
   * @param bootstrap those of bootstrap files alone
   */
  profilesOf(documents: readonly PropertyDocument[], bootstrap: readonly PropertyDocument[]): readonly string[]
}

/** A `---` document, or a group of files, with what stands on it. */
interface Layer {
  readonly section: FileSection | undefined
  /** What it imports, in its order. */
  readonly imports: (FilePlace | ConfigLocation)[]
  /** The files that it imports. */
  files: Layer[]
  /** Above those: the files for the active profiles, and documents in Nacos. */
  readonly top: (Layer | ConfigLocation)[]
  read: boolean
}

/**
 * The local documents in Spring's order, lowest first: on each document stand those that it imports, and above the
 * files of one place those for the active profiles, the last profile the strongest. A document in Nacos stands just
 * above the one that imports it, so that local files for a profile are above it.
 *
 * @throws SidecarError SIDECAR_SETTINGS_NOT_FOUND, SIDECAR_SETTINGS_UNREADABLE, SIDECAR_SETTINGS_SYNTAX,
 * SIDECAR_SETTINGS_INVALID, SIDECAR_PLACEHOLDER_UNRESOLVED
 */
export function loadLocalDocuments(options: LocalDocumentsOptions): LocalDocuments {
  return new LocalLoader(options).load()
}

class LocalLoader {
  private readonly warnings: string[] = []
  /** One file counts once: where it was met first. */
  private readonly seen = new Set<string>()
  private readonly roots: Layer[] = []
  private readonly forProfiles = new Set<ConfigLocation>()
  /** Known once the unconditional documents are read. */
  private active: readonly string[] | undefined

  constructor(private readonly options: LocalDocumentsOptions) {}

  load(): LocalDocuments {
    for (const place of this.options.places) {
      const root = this.addRoot()
      root.imports.push(place)
      root.files.push(...this.read(place.files()))
    }
    this.import(this.addRoot(), this.options.imports, undefined, '')
    for (const root of this.roots) this.readUnconditional(root)
    const bootstrap = this.roots.filter(({ imports: [place] }) => place && isPlace(place) && place.bootstrap)
    this.active = this.options.profilesOf(this.documents(), this.documents(bootstrap))
    for (const root of this.roots) this.settle(root)

    const documents: PropertyDocument[] = []
    const imports: RemoteImport[] = []
    for (const one of this.roots.flatMap(sequenceOf)) {
      if (isLayer(one)) documents.push(one.section!.document)
      else imports.push({ source: one.source, above: documents.at(-1), forProfiles: this.forProfiles.has(one) })
    }
    return { documents, imports, profiles: this.active, warnings: this.warnings }
  }

  private addRoot(): Layer {
    const root = layer(undefined)
    this.roots.push(root)
    return root
  }

  private readUnconditional({ files }: Layer): void {
    for (const one of files) {
      if (one.section?.profiles) continue
      this.readImports(one)
      this.readUnconditional(one)
    }
  }

  /** Keeps what counts for the active profiles, and adds what they bring. */
  private settle(one: Layer): void {
    one.files = one.files.filter((file) => this.counts(file))
    for (const file of one.files) {
      this.readImports(file)
      this.settle(file)
    }
    // Names with a slash or two dots in them lead elsewhere.
    const profiles = orDefault(this.active!).filter((profile) => /^[\w.@+-]+$/.test(profile))
    for (const imported of one.imports) {
      if (!isPlace(imported)) {
        one.top.push(imported)
        continue
      }
      const files = profiles.flatMap((profile) => this.read(imported.files(profile)))
      for (const file of files.filter((candidate) => this.counts(candidate))) {
        one.top.push(file)
        this.readImports(file)
        this.settle(file)
      }
    }
  }

  private counts({ section }: Layer): boolean {
    if (!section?.profiles) return true
    const { active } = this
    return (
      active !== undefined &&
      orThrow('SIDECAR_SETTINGS_INVALID', () => isActive(section, active, section.document.name))
    )
  }

  private read(sources: readonly FileSource[]): Layer[] {
    return sources.flatMap(({ path, extension }) => {
      if (this.seen.has(path)) return []
      this.seen.add(path)
      const { cwd } = this.options
      const sections = isDirectory(path) ? [readConfigTree(path, cwd)] : readSections(path, cwd, extension)
      this.warnings.push(...sections.flatMap(({ warnings = [] }) => warnings))
      return sections.map(layer)
    })
  }

  /** What a document imports, once. */
  private readImports(one: Layer): void {
    const { section } = one
    if (!section || one.read) return
    one.read = true
    const { document } = section
    for (const entry of document.entries) {
      if (!isImport(entry.path) || entry.kind !== 'scalar' || entry.value === null) continue
      const text = this.options.viewOf(this.documents()).textOf({ entry, source: document })
      this.import(one, parseLocations(text), section.file, `${locate(document.name, entry.line, entry.column)}: `)
    }
  }

  private import(into: Layer, locations: readonly ConfigLocation[], from: string | undefined, at: string): void {
    for (const location of locations) {
      if (location.scheme === 'nacos') {
        into.imports.push(location)
        if (this.active) this.forProfiles.add(location)
        continue
      }
      const place = this.findImport(location, from, at)
      if (!place) continue
      into.imports.push(place)
      into.files.push(...this.read(place.files()))
    }
  }

  private findImport(location: ConfigLocation, from: string | undefined, at: string): FilePlace | undefined {
    const { cwd, main } = this.options
    const { place, tried } = findPlace(location, { cwd, main, from })
    if (place) return place
    if (!tried) {
      const known = 'only nacos:, file:, classpath: and configtree: are imported'
      this.warnings.push(`${at}config.import: ${location.source} is ignored: ${known}`)
    } else if (!location.optional) {
      throw new SidecarError(
        'SIDECAR_SETTINGS_NOT_FOUND',
        `${at}config.import: ${location.source} was not found; looked for ${tried.join(', ')}. Create it, or write optional:${location.source}`,
      )
    }
    return undefined
  }

  /** Every document that is known to count, lowest first. */
  private documents(roots = this.roots): PropertyDocument[] {
    const known = roots.flatMap(sequenceOf).filter(isLayer)
    return known.filter((one) => this.counts(one)).map((one) => one.section!.document)
  }
}

function layer(section: FileSection | undefined): Layer {
  return { section, imports: [], files: [], top: [], read: false }
}

function isLayer(one: Layer | ConfigLocation): one is Layer {
  return 'top' in one
}

function isPlace(one: FilePlace | ConfigLocation): one is FilePlace {
  return 'files' in one
}

/** Lowest first; a layer that is no document is left out. */
function sequenceOf(one: Layer): (Layer | ConfigLocation)[] {
  const above = one.top.flatMap((item) => (isLayer(item) ? sequenceOf(item) : [item]))
  return [...(one.section ? [one] : []), ...one.files.flatMap(sequenceOf), ...above]
}

/** `spring.config.import`, or an item of it. */
function isImport(path: PropertyPath): boolean {
  const names = withoutSpring(typeof path.at(-1) === 'number' ? path.slice(0, -1) : path)
  return names.length === 2 && names.map((name) => relaxed(String(name))).join('.') === 'config.import'
}
