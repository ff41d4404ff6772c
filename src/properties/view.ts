import { SidecarError } from '../errors.js'
import { LAYERS, type PropertyDocument } from './document.js'
import type { Environment } from './environment.js'
import type { PropertyPath } from './path.js'
import { hasPlaceholder } from './placeholders.js'
import { placeOf, type Found, type Missing, type Problem } from './resolved.js'
import { Resolver } from './resolver.js'
import { plainScalar } from './scalar.js'
import { PropertyNode } from './tree.js'

export { placeOf, type Found }

const FILLED_MAP = Symbol('map')
const EMPTY = { map: Symbol('{}'), list: Symbol('[]'), scalar: undefined }
const START = { map: Symbol('{'), list: Symbol('[') }
const END = Symbol('end')
const ENVIRONMENT_LAYER = LAYERS.indexOf('environment')

interface ViewOptions {
  /** The documents, merged. */
  readonly tree: PropertyNode
  /** Asked before every document that stands below it. */
  readonly environment?: Environment
  /** Resolves the placeholders of its values. @default one that uses this view only */
  readonly resolver?: Resolver
  /** Looked in for what a placeholder does not find in this view. */
  readonly beyond?: () => PropertyView | undefined
  /** What a placeholder falls back to: the defaults of the settings. */
  readonly defaultOf?: (path: PropertyPath) => string | undefined
}

/** Some of the layers, merged: look-up, placeholders and subtrees. Never changes once built. */
export class PropertyView {
  readonly tree: PropertyNode
  readonly resolver: Resolver

  constructor(private readonly options: ViewOptions) {
    this.tree = options.tree
    this.resolver =
      options.resolver ??
      new Resolver({
        find: (path) => this.find(path) ?? options.beyond?.()?.find(path),
        list: (path) => this.list(path) ?? options.beyond?.()?.list(path),
        defaultOf: (path) => options.defaultOf?.(path),
      })
  }

  /** The scalar that decides this path. */
  find(path: PropertyPath): Found | undefined {
    return this.scalar(path, this.tree.find(path))
  }

  private scalar(path: PropertyPath, node: PropertyNode | undefined): Found | undefined {
    const variable = this.variable(path, node)
    if (variable) return variable
    return node?.entry?.kind === 'scalar' && node.source ? { entry: node.entry, source: node.source } : undefined
  }

  /** A scalar, or everything below the path as plain lists and maps. */
  read(path: PropertyPath): unknown {
    const node = this.tree.find(path)
    const found = this.scalar(path, node)
    if (found) return this.valueOf(found)
    return node ? this.materialize(node, path) : this.listed(path)
  }

  /** With its placeholders resolved as far as they can be, typed as it was written. An empty value is empty text. */
  valueOf(found: Found): unknown {
    const { entry } = found
    if (entry.value === null) return ''
    if (!hasPlaceholder(entry.text)) return entry.value
    const { text } = this.resolver.resolve(found)
    return entry.plain ? plainScalar(text) : text
  }

  /** In the characters it was written in, with its placeholders resolved as far as they can be. */
  writtenAs(found: Found): string {
    return this.resolver.resolve(found).text
  }

  /**
   * The same for one of the sidecar's own settings, which cannot do without a value.
   *
   * @throws SidecarError SIDECAR_PLACEHOLDER_UNRESOLVED, SIDECAR_PLACEHOLDER_CYCLE, SIDECAR_SETTINGS_INVALID, where it
   * is said in a file.
   */
  textOf(found: Found): string {
    const { text, problem, firstMissing } = this.resolver.resolve(found)
    if (problem && found.source.layer === 'local') throw misresolved(found, problem)
    // A variable or an argument may hold a `${` of its own: it stays as it is.
    if (firstMissing?.found.source.layer === 'local') throw unresolved(firstMissing)
    return text
  }

  /** The list of this path, if it has items. */
  list(path: PropertyPath): PropertyNode | undefined {
    const node = this.tree.find(path)
    return node?.isList && node.children.size > 0 ? node : undefined
  }

  /** What one document alone says; placeholders still see every layer they may. */
  only(document: PropertyDocument): PropertyView {
    return new PropertyView({ tree: PropertyNode.merge([document]), resolver: this.resolver })
  }

  /**
   * What `read` says, piece by piece: two views that give the same pieces say the same. A map that stands in no list is
   * one piece: what is below it is asked for by its own name.
   */
  *pieces(path: PropertyPath): Generator<unknown> {
    const node = this.tree.find(path)
    const found = this.scalar(path, node)
    if (found) yield this.valueOf(found)
    else if (!node) yield* this.listed(path) ?? []
    else if (node.isList || node.children.size === 0) yield* this.below(node, path)
    else yield FILLED_MAP
  }

  private *below(node: PropertyNode, path: PropertyPath): Generator<unknown> {
    const listed = node.isList ? this.listed(path) : undefined
    if (listed) yield* listed
    else if (node.children.size === 0)
      yield node.entry?.kind === 'scalar' ? this.read(path) : EMPTY[node.entry?.kind ?? 'map']
    else {
      yield node.isList ? START.list : START.map
      for (const child of node.children.values()) {
        yield child.name
        yield* this.below(child, [...path, child.name])
      }
      yield END
    }
  }

  private materialize(node: PropertyNode, path: PropertyPath): unknown {
    const children = [...node.children.values()]
    if (node.isList) {
      if (this.variable(path, node)) return this.read(path)
      const listed = this.listed(path)
      if (listed) return listed
      return inOrder(children).map((child) => (isNull(child) ? null : this.materialize(child, [...path, child.name])))
    }
    if (children.length > 0) {
      const pairs = children.map(
        (child) => [String(child.name), this.materialize(child, [...path, child.name])] as const,
      )
      return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
    }
    if (node.entry?.kind === 'map') return {}
    const found = this.find(path)
    return found && this.valueOf(found)
  }

  /** `HOSTS_0`, `HOSTS_1` … are a list, in place of the whole one a document has. */
  private listed(path: PropertyPath): unknown[] | undefined {
    const items: unknown[] = []
    for (;;) {
      const item = [...path, items.length]
      const variable = path.length > 0 && this.variable(item, this.tree.find(item))
      if (!variable) return items.length > 0 ? items : undefined
      items.push(this.valueOf(variable))
    }
  }

  /**
   * A variable of the environment decides, unless the command line or code sets the property. A map has no variable of
   * its own.
   */
  private variable(path: PropertyPath, node: PropertyNode | undefined): Found | undefined {
    if (!this.options.environment || path.length === 0) return undefined
    if (node?.source && LAYERS.indexOf(node.source.layer) > ENVIRONMENT_LAYER) return undefined
    if (node && node.children.size > 0 && !node.isList) return undefined
    const variable = variableAsFound(this.options.environment, path)
    // Container files pass on variables that were left empty: an empty one is a value, but hides no other.
    return variable?.entry.text === '' && node ? undefined : variable
  }
}

/** What the environment says of a path, as an entry whose `key` is the variable's name. */
export function variableAsFound(environment: Environment, path: PropertyPath): Found | undefined {
  const variable = environment.lookup(path)
  if (!variable) return undefined
  const { name, text } = variable
  return {
    entry: { path, key: name, kind: 'scalar', value: plainScalar(text), text, plain: true },
    source: { name: `environment ${name}`, layer: 'environment', entries: [] },
  }
}

/** Items come in their order, unless a properties document has them otherwise. */
function inOrder(items: PropertyNode[]): PropertyNode[] {
  const sorted = items.every((item, index) => index === 0 || Number(items[index - 1]!.name) < Number(item.name))
  return sorted ? items : items.sort((a, b) => Number(a.name) - Number(b.name))
}

/** JSON's null in a list. */
function isNull({ entry, children }: PropertyNode): boolean {
  return entry?.kind === 'scalar' && entry.value === null && !entry.plain && children.size === 0
}

function misresolved(found: Found, { code, message }: Problem): SidecarError {
  const key = code === 'SIDECAR_PLACEHOLDER_CYCLE' ? '' : `${found.entry.key}: `
  return new SidecarError(code, `${placeOf(found)}: ${key}${message}`)
}

function unresolved({ placeholder, found }: Missing): SidecarError {
  const hint = /profiles\.active/.test(placeholder)
    ? ': no profile is active, set profiles.active or SPRING_PROFILES_ACTIVE'
    : ': set it in the environment, or give a default as in ${KEY:default}'
  return new SidecarError(
    'SIDECAR_PLACEHOLDER_UNRESOLVED',
    `${placeOf(found)}: ${placeholder} has no value and no default (used in ${found.entry.key})${hint}`,
  )
}
