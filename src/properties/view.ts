import { SidecarError } from '../errors.js'
import { LAYERS, type PropertyDocument, type PropertyEntry } from './document.js'
import { locate } from './document-error.js'
import type { Environment } from './environment.js'
import { formatPath, parsePath, type PropertyPath } from './path.js'
import { hasPlaceholder, parseTemplate, renderTemplate } from './placeholders.js'
import { plainScalar } from './scalar.js'
import { PropertyNode } from './tree.js'

/** A scalar as one layer has it, its placeholders not yet resolved. */
export interface Found {
  readonly entry: PropertyEntry
  readonly source: PropertyDocument
}

/** Where it was written: `bootstrap.yml:12:3`, `environment DB_URL`. */
export function placeOf({ entry, source }: Found): string {
  if (source.layer === 'environment') return source.name === 'environment' ? `environment ${entry.key}` : source.name
  return locate(source.name, entry.line, entry.column)
}

/** How far a value has been followed: the names on the way, and how many look-ups are left. */
interface Trail {
  readonly names: readonly string[]
  readonly budget: { left: number }
}

/** Placeholders that double each other cost as much as they may, no more. */
const MAX_LOOKUPS = 10_000
const ENVIRONMENT_LAYER = LAYERS.indexOf('environment')

interface ViewOptions {
  /** Lowest first. */
  readonly documents: readonly PropertyDocument[]
  /** Asked before every document that stands below it. */
  readonly environment?: Environment
  /** The view in which the placeholders of a document are resolved. */
  readonly scopeOf: (document: PropertyDocument) => PropertyView
  /** What a placeholder falls back to: the defaults of the settings. */
  readonly defaultOf?: (path: PropertyPath) => string | undefined
}

/** Some of the layers, merged: look-up, placeholders and subtrees. Never changes once built. */
export class PropertyView {
  readonly tree: PropertyNode

  constructor(private readonly options: ViewOptions) {
    this.tree = PropertyNode.merge(options.documents)
  }

  /** The scalar that speaks for this path. */
  find(path: PropertyPath): Found | undefined {
    const node = this.tree.find(path)
    const variable = this.variable(path, node)
    if (variable) return variable
    return node?.entry?.kind === 'scalar' && node.source ? { entry: node.entry, source: node.source } : undefined
  }

  /** A scalar, or everything below the path as plain lists and maps. */
  read(path: PropertyPath): unknown {
    const found = this.find(path)
    if (found) return this.valueOf(found)
    const node = this.tree.find(path)
    return node ? this.materialize(node, path) : this.listed(path)
  }

  /** With its placeholders resolved, typed as it was written. */
  valueOf(found: Found): unknown {
    if (found.entry.value === null) return undefined
    if (!hasPlaceholder(found.entry.text)) return found.entry.value
    const text = this.textOf(found)
    return found.entry.plain ? plainScalar(text) : text
  }

  /** With its placeholders resolved, in the characters it was written in. */
  textOf(found: Found): string {
    const { entry, source } = found
    const strict = source.layer === 'local'
    const place = `${locate(source.name, entry.line, entry.column)}: `
    try {
      return this.options.scopeOf(source).follow(found, newTrail())
    } catch (error) {
      if (!strict && (error instanceof SidecarError || error instanceof RangeError)) return entry.text
      if (error instanceof RangeError) {
        throw new SidecarError('SIDECAR_SETTINGS_INVALID', `${place}${entry.key}: ${error.message}`)
      }
      if (error instanceof SidecarError && error.code === 'SIDECAR_PLACEHOLDER_CYCLE') {
        throw new SidecarError(error.code, place + error.message)
      }
      throw error
    }
  }

  /** Resolves what stands in `text`. @param missing says what to write for a placeholder that nobody has. */
  resolve(text: string, missing: (source: string) => string, trail: Trail = newTrail()): string {
    const valueOf = (key: string) => this.placeholderValue(key, trail)
    return renderTemplate(parseTemplate(text), valueOf, (placeholder) => missing(placeholder.source))
  }

  /** What one document alone says; placeholders still see every layer they may. */
  only(document: PropertyDocument): PropertyView {
    return new PropertyView({ documents: [document], scopeOf: this.options.scopeOf })
  }

  private materialize(node: PropertyNode, path: PropertyPath): unknown {
    const children = [...node.children.values()]
    if (node.isList) {
      if (this.variable(path, node)) return this.read(path)
      const listed = this.listed(path)
      if (listed) return listed
      return children
        .sort((a, b) => Number(a.name) - Number(b.name))
        .map((child) => this.materialize(child, [...path, child.name]) ?? null)
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

  /** A variable of the environment speaks, unless the command line or code does. A map has no variable of its own. */
  private variable(path: PropertyPath, node: PropertyNode | undefined): Found | undefined {
    if (!this.options.environment || path.length === 0) return undefined
    if (node?.source && LAYERS.indexOf(node.source.layer) > ENVIRONMENT_LAYER) return undefined
    if (node && node.children.size > 0 && !node.isList) return undefined
    const variable = variableAsFound(this.options.environment, path)
    // Container files pass on variables nobody filled in: an empty one is a value, but takes none away.
    return variable?.entry.text === '' && node ? undefined : variable
  }

  private follow({ entry, source }: Found, trail: Trail): string {
    if (entry.value === null || !hasPlaceholder(entry.text)) return entry.text
    const names = [...trail.names, formatPath(entry.path)]
    return this.resolve(entry.text, (missing) => this.missing(missing, entry, source), { ...trail, names })
  }

  private missing(placeholder: string, entry: PropertyEntry, source: PropertyDocument): string {
    // A variable, an argument or a remote document may hold a `${` of its own: it stays as it is.
    if (source.layer !== 'local') return placeholder
    const hint = /profiles\.active/.test(placeholder)
      ? ': no profile is active, set profiles.active or SPRING_PROFILES_ACTIVE'
      : ': set it in the environment, or give a default as in ${KEY:default}'
    throw new SidecarError(
      'SIDECAR_PLACEHOLDER_UNRESOLVED',
      `${locate(source.name, entry.line, entry.column)}: ${placeholder} has no value and no default (used in ${entry.key})${hint}`,
    )
  }

  private placeholderValue(key: string, trail: Trail): string | undefined {
    if (--trail.budget.left < 0) throw new RangeError(`placeholders need more than ${MAX_LOOKUPS} look-ups`)
    const path = parsePath(key)
    const found = this.find(path)
    if (!found) return this.listAsText(path, trail) ?? this.options.defaultOf?.(path)
    if (found.entry.value === null) return ''
    const name = formatPath(found.entry.path)
    if (trail.names.includes(name) && found.source.layer !== 'environment') {
      // `port: ${PORT:80}` means the variable, not itself.
      if (name !== formatPath(path) && trail.names.at(-1) === name) return undefined
      const cycle = [...trail.names.slice(trail.names.indexOf(name)), name].join(' → ')
      throw new SidecarError('SIDECAR_PLACEHOLDER_CYCLE', `placeholders go round in a circle: ${cycle}`)
    }
    return this.options.scopeOf(found.source).follow(found, trail)
  }

  /** A list of names reads as Spring's `a,b`. */
  private listAsText(path: PropertyPath, trail: Trail): string | undefined {
    const node = this.tree.find(path)
    if (!node?.isList || node.children.size === 0) return undefined
    return [...node.children.keys()]
      .map((index) => this.placeholderValue(formatPath([...path, Number(index)]), trail) ?? '')
      .join(',')
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

function newTrail(): Trail {
  return { names: [], budget: { left: MAX_LOOKUPS } }
}
