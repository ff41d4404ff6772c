import { runAtOnce, type Sliced } from '../util/slices.js'
import { MAX_VALUES, type PropertyDocument } from './document.js'
import { DocumentError } from './document-error.js'
import type { Environment } from './environment.js'
import { explainProperty, type PropertyExplanation } from './explain.js'
import { listProperties, type PropertyListing } from './listing.js'
import { parsePath, type PropertyPath } from './path.js'
import { changedPaths } from './changed-paths.js'
import { deepFreeze } from '../util/deep-freeze.js'
import { findProblems } from './value-problems.js'
import { placeOf, type Found } from './resolved.js'
import { PropertyNode } from './tree.js'
import type { Unsubscribe } from '../types.js'
import { stackDocuments, type RemoteImport } from './remote-import.js'
import { PropertyView, variableAsFound } from './view.js'

/** `all` is environment > remote > local, an imported document in its place among the local ones; `local` leaves Nacos out, `remote` is Nacos alone. */
export type PropertyScope = 'all' | 'local' | 'remote'

interface Sources {
  /** bootstrap.yml and the files beside it, lowest first. */
  readonly local: readonly PropertyDocument[]
  /** The `nacos:` documents that `spring.config.import` names, lowest first. @default none */
  readonly imports?: readonly RemoteImport[]
  /** The active profiles, weakest first. @default none */
  readonly profiles?: readonly string[]
  /** `SPRING_APPLICATION_JSON`, command line and code. */
  readonly overrides: readonly PropertyDocument[]
  readonly environment: Environment
  /** What the environment says of the settings; every other variable is found by the name that is asked for. */
  readonly environmentDocument?: PropertyDocument
  /** What a placeholder falls back to: the defaults of the settings. */
  readonly defaultOf?: (path: PropertyPath) => string | undefined
}

/** One swap of the remote documents. */
export interface RemoteChange {
  /** Whose value differs now; a list changes as a whole. */
  readonly keys: readonly string[]
  /** The same, taken apart. */
  readonly paths: readonly PropertyPath[]
  /** What `get` said before it. */
  previous(key: string): unknown
}

/** Hears of a swap, in slices. It does not throw. */
type Watcher = (change: RemoteChange) => Sliced<void> | void

interface Views extends Record<PropertyScope, PropertyView> {
  /** Of values, as messages. */
  readonly problems: readonly string[]
}

const MAX_CACHED = 2_000
/** Of all remote documents together. */
const MAX_ALL_VALUES = 2 * MAX_VALUES

/** Every property of the process, layer over layer. Look-ups are cached until the remote documents change. */
export class PropertyStore {
  private views: Views
  private readonly cache = new Map<string, unknown>()
  private remote: readonly PropertyDocument[] = []
  private pulled = false
  private readonly watchers = new Set<Watcher>()

  constructor(private readonly sources: Sources) {
    this.views = runAtOnce(this.build([]))
  }

  /** True once remote documents were pulled, even if there were none. */
  get remoteReady(): boolean {
    return this.pulled
  }

  /** The `nacos:` documents that are imported, and where they stand; lowest first. */
  get imports(): readonly RemoteImport[] {
    return this.sources.imports ?? []
  }

  /** The active profiles with the members of their groups, weakest first. */
  get profiles(): readonly string[] {
    return this.sources.profiles ?? []
  }

  /** The remote documents in use, lowest first. */
  get remoteDocuments(): readonly PropertyDocument[] {
    return this.remote
  }

  /**
   * The value of a key in any spelling, with or without `spring.` where it is one of the sidecar's own: a scalar, or a
   * frozen list or map of everything below it; `undefined` where there is none. Placeholders are resolved.
   */
  get(key: string, scope: PropertyScope = 'all'): unknown {
    return this.cached(`${scope} ${key}`, () => deepFreeze(this.views[scope].read(parsePath(key))))
  }

  /** A scalar in the characters it was written in: a version `1.10`, a pin `007`. */
  text(key: string, scope: PropertyScope = 'all'): string | undefined {
    return this.cached(`${scope} text ${key}`, () => {
      const found = this.views[scope].find(parsePath(key))
      return found && this.views[scope].writtenAs(found)
    })
  }

  /** What Java's YAML 1.1 reader makes of a scalar, where that is another value than `get` gives. */
  javaValue(key: string, scope: PropertyScope = 'all'): number | boolean | undefined {
    return this.views[scope].find(parsePath(key))?.entry.java
  }

  /** Where a scalar was written, for messages. */
  placeOf(key: string, scope: PropertyScope = 'all'): string | undefined {
    const found = this.views[scope].find(parsePath(key))
    return found && placeOf(found)
  }

  /** Where the value of a key comes from and what it hides; secrets masked. */
  explain(key: string): PropertyExplanation {
    const path = parsePath(key)
    const { local, overrides, environment, environmentDocument } = this.sources
    const named = variableAsFound(environment, path) ?? this.listed(path)
    // An empty variable takes no value away, so it shadows nothing either.
    const variable =
      named?.entry.text === '' && this.views.all.tree.find(path) ? environmentDocument : (named ?? environmentDocument)
    const below = stackDocuments(local, this.remote).reverse()
    return explainProperty(key, path, this.views.all, [
      ...[...overrides].reverse(),
      ...(variable ? [variable] : []),
      ...below,
    ])
  }

  /** The values that count, each with its origin; secrets masked. @param limit of those that are listed */
  list(limit: number): PropertyListing {
    return listProperties(this.views.all, limit)
  }

  /** Replaces every remote document at once; answers which keys have another value now. @param documents lowest first. */
  setRemote(documents: readonly PropertyDocument[]): readonly string[] {
    return runAtOnce(this.swap(documents))
  }

  /**
   * The same in slices: until the last one of them the old values are in use.
   *
   * @throws DocumentError names the document that has, or whose placeholders make, more than all together may; the old
   * ones stay.
   */
  *swap(documents: readonly PropertyDocument[]): Sliced<readonly string[]> {
    let values = 0
    for (const { name, entries } of documents) {
      values += entries.length
      if (values > MAX_ALL_VALUES)
        throw new DocumentError(name, `with it the documents have more than ${MAX_ALL_VALUES} values`)
    }
    const before = this.views
    const built = yield* this.build(documents)
    const after = { ...built, problems: yield* findProblems(built) }
    const paths = yield* changedPaths(before, after)
    this.views = after
    this.remote = documents
    this.pulled = true
    this.cache.clear()
    const keys = [...paths.keys()]
    if (keys.length > 0) {
      const previous = (key: string) => deepFreeze(before.all.read(parsePath(key)))
      const change = { keys, paths: [...paths.values()], previous }
      for (const watcher of this.watchers) yield* watcher(change) ?? []
    }
    return keys
  }

  /** Hears of each swap that changes a value, after it. A watcher does not throw. */
  watch(watcher: Watcher): Unsubscribe {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /**
   * What is to be said of values, as messages: placeholders that nothing gives a value, circles (such a value stays as
   * it was written), numbers that Java reads as others. Of the files on disk too, once the remote documents were asked.
   */
  unresolved(): readonly string[] {
    return this.views.problems
  }

  /**
   * Throws where placeholders of bootstrap.yml go round in a circle. One without a value is an error only in a setting
   * of the sidecar's own, and is found where that is read: any other may get its value from Nacos.
   */
  requireResolved(): void {
    for (const { path } of this.views.local.tree.leaves()) {
      const found = this.views.local.find(path)
      if (found?.source.layer === 'local' && this.views.local.resolver.resolve(found).problem)
        this.views.local.textOf(found)
    }
  }

  /** bootstrap.yml, environment, command line and code, merged: what the settings are made of. */
  localView(): PropertyView {
    return this.views.local
  }

  /** The first variable of a list that the environment gives by index. */
  private listed(path: PropertyPath): Found | undefined {
    const node = this.views.all.tree.find(path)
    return node && !node.isList ? undefined : variableAsFound(this.sources.environment, [...path, 0])
  }

  private cached<T>(key: string, read: () => T): T {
    if (this.cache.has(key)) return this.cache.get(key) as T
    const value = read()
    if (this.cache.size >= MAX_CACHED) this.cache.clear()
    this.cache.set(key, value)
    return value
  }

  private *build(remote: readonly PropertyDocument[]): Sliced<Views> {
    const { local, overrides, environment, environmentDocument, defaultOf } = this.sources
    const above = [...(environmentDocument ? [environmentDocument] : []), ...overrides]
    const shared = { environment, defaultOf }
    const all = new PropertyView({
      tree: yield* PropertyNode.merging([...stackDocuments(local, remote), ...above]),
      ...shared,
    })
    // The files on disk know themselves and the environment first; what they lack may be in Nacos.
    const known = this.views?.local.tree
    const tree = known === undefined ? yield* PropertyNode.merging([...local, ...above]) : known
    return {
      all,
      local: new PropertyView({ tree, ...shared, beyond: () => all }),
      remote: new PropertyView({ tree: yield* PropertyNode.merging(remote), resolver: all.resolver }),
      problems: [],
    }
  }
}
