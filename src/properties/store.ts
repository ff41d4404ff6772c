import { SidecarError } from '../errors.js'
import type { PropertyDocument } from './document.js'
import { locate } from './document-error.js'
import type { Environment } from './environment.js'
import { explainProperty, type PropertyExplanation } from './explain.js'
import { formatPath, parsePath, type PropertyPath } from './path.js'
import { hasPlaceholder } from './placeholders.js'
import type { Unsubscribe } from '../types.js'
import { stackDocuments, type RemoteImport } from './remote-import.js'
import { placeOf, PropertyView, variableAsFound, type Found } from './view.js'

/** `all` is environment > remote > local, an imported document in its place among the local ones; `local` leaves Nacos out, `remote` is Nacos alone. */
export type PropertyScope = 'all' | 'local' | 'remote'

interface Sources {
  /** bootstrap.yml and its kin, lowest first. */
  readonly local: readonly PropertyDocument[]
  /** The `nacos:` documents that `spring.config.import` names, lowest first. @default none */
  readonly imports?: readonly RemoteImport[]
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
  /** What `get` said before it. */
  previous(key: string): unknown
}

type Views = Record<PropertyScope, PropertyView>

const MAX_CACHED = 2_000

/** Every property of the process, layer over layer. Look-ups are cached until the remote documents change. */
export class PropertyStore {
  private views: Views
  private readonly cache = new Map<string, unknown>()
  private remote: readonly PropertyDocument[] = []
  private pulled = false
  private readonly watchers = new Set<(change: RemoteChange) => void>()

  constructor(private readonly sources: Sources) {
    this.views = this.build([])
  }

  /** True once remote documents were pulled, even if there were none. */
  get remoteReady(): boolean {
    return this.pulled
  }

  /** The `nacos:` documents that are imported, and where they stand; lowest first. */
  get imports(): readonly RemoteImport[] {
    return this.sources.imports ?? []
  }

  /** The remote documents in use, lowest first. */
  get remoteDocuments(): readonly PropertyDocument[] {
    return this.remote
  }

  /**
   * The value of a key in any spelling, with or without `spring.`: a scalar, or a frozen list or map of everything
   * below it; `undefined` where there is none. Placeholders are resolved.
   */
  get(key: string, scope: PropertyScope = 'all'): unknown {
    return this.cached(`${scope} ${key}`, () => freeze(this.views[scope].read(parsePath(key))))
  }

  /** A scalar in the characters it was written in: a version `1.10`, a pin `007`. */
  text(key: string, scope: PropertyScope = 'all'): string | undefined {
    return this.cached(`${scope} text ${key}`, () => {
      const found = this.views[scope].find(parsePath(key))
      return found && found.entry.value !== null ? this.views[scope].textOf(found) : undefined
    })
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

  /** Replaces every remote document at once; answers which keys have another value now. @param documents lowest first. */
  setRemote(documents: readonly PropertyDocument[]): readonly string[] {
    const before = this.views
    const after = this.build(documents)
    this.views = after
    this.remote = documents
    this.pulled = true
    this.cache.clear()
    const keys = changedKeys(before, after)
    if (keys.length > 0) {
      const previous = (key: string) => freeze(before.all.read(parsePath(key)))
      for (const watcher of this.watchers) watcher({ keys, previous })
    }
    return keys
  }

  /** Hears of each swap that changes a value, after it. A watcher does not throw. */
  watch(watcher: (change: RemoteChange) => void): Unsubscribe {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** Placeholders of remote documents that nobody can resolve, as messages: such a value stays as it was written. */
  unresolved(): string[] {
    const problems: string[] = []
    for (const { entry, source } of this.views.remote.tree.leaves()) {
      if (!hasPlaceholder(entry.text)) continue
      const say = (what: string) =>
        problems.push(
          `${locate(source.name, entry.line, entry.column)}: ${what} (used in ${entry.key}); it stays as it is`,
        )
      try {
        const trail = { names: [formatPath(entry.path)], budget: { left: 1_000 } }
        this.views.all.resolve(entry.text, (missing) => (say(`${missing} has no value and no default`), missing), trail)
      } catch (error) {
        if (!(error instanceof SidecarError || error instanceof RangeError)) throw error
        say(error.message)
      }
    }
    return problems
  }

  /** Throws on the first placeholder of bootstrap.yml that has neither value nor default, and on a cycle. */
  requireResolved(): void {
    for (const { path } of this.views.local.tree.leaves()) {
      const found = this.views.local.find(path)
      if (found?.source.layer === 'local') this.views.local.textOf(found)
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

  private build(remote: readonly PropertyDocument[]): Views {
    const { local, overrides, environment, environmentDocument, defaultOf } = this.sources
    const above = [...(environmentDocument ? [environmentDocument] : []), ...overrides]
    const views = {} as Views
    // bootstrap.yml knows itself and the environment; a remote document knows everything.
    const scopeOf = (document: PropertyDocument) => (document.layer === 'remote' ? views.all : views.local)
    const shared = { scopeOf, ...(defaultOf && { defaultOf }) }
    views.local = this.views?.local ?? new PropertyView({ documents: [...local, ...above], environment, ...shared })
    views.remote = new PropertyView({ documents: remote, ...shared })
    views.all = new PropertyView({ documents: [...stackDocuments(local, remote), ...above], environment, ...shared })
    return views
  }
}

/** A list changes as a whole: its key, not those of its items. */
function changedKeys(before: Views, after: Views): string[] {
  const keys = new Map<string, PropertyPath>()
  for (const { remote } of [before, after]) {
    for (const { path } of remote.tree.leaves()) {
      const item = path.findIndex((segment) => typeof segment === 'number')
      const whole = item < 0 ? path : path.slice(0, item)
      keys.set(formatPath(whole), whole)
    }
  }
  const same = (path: PropertyPath) => JSON.stringify(before.all.read(path)) === JSON.stringify(after.all.read(path))
  return [...keys].filter(([, path]) => !same(path)).map(([key]) => key)
}

function freeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}
