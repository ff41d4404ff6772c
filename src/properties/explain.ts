import type { PropertyDocument, PropertyLayer } from './document.js'
import type { PropertyPath } from './path.js'
import { masked } from './secrets.js'
import { PropertyNode } from './tree.js'
import type { Found, PropertyView } from './view.js'

/** Why a property has the value it has. Secrets are masked, by their names. */
export interface PropertyExplanation {
  readonly key: string
  readonly value: unknown
  /** `undefined` if no source sets this key. */
  readonly origin: PropertyOrigin | undefined
  /** What would count without `origin`, the strongest first. */
  readonly shadows: readonly ShadowedProperty[]
}

export interface PropertyOrigin {
  readonly layer: PropertyLayer
  /** `bootstrap.yml`, a data id, `environment DB_URL`, `command line`, `code`. */
  readonly document: string
  readonly line?: number
  readonly column?: number
}

export interface ShadowedProperty extends PropertyOrigin {
  readonly value: unknown
}

/** @param layers strongest first; a document, or what the environment says of this one path. */
export function explainProperty(
  key: string,
  path: PropertyPath,
  view: PropertyView,
  layers: readonly (PropertyDocument | Found)[],
): PropertyExplanation {
  const [origin, ...shadows] = layers.flatMap((layer) => {
    const said = 'entry' in layer ? layer : firstBelow(layer, path)
    if (!said) return []
    const { entry, source } = said
    const value = entry.path.length > path.length ? subtree(source, path, view) : view.valueOf(said)
    return [{ ...originOf(said), value: masked(path, value) }]
  })
  const value = masked(path, view.read(path))
  if (!origin) return { key, value, origin: undefined, shadows: [] }
  const { value: _, ...where } = origin
  return { key, value, origin: where, shadows }
}

function firstBelow(document: PropertyDocument, path: PropertyPath): Found | undefined {
  const leaf = PropertyNode.merge([document]).find(path)?.leaves().next().value
  return leaf && { entry: leaf.entry, source: document }
}

function subtree(document: PropertyDocument, path: PropertyPath, view: PropertyView): unknown {
  return view.only(document).read(path)
}

/** Where the value that counts was written. */
export function originOf(found: Found): PropertyOrigin {
  return { layer: found.source.layer, document: originName(found), ...positionOf(found) }
}

function originName({ entry, source }: Found): string {
  return source.name === 'environment' ? `environment ${entry.key}` : source.name
}

function positionOf({ entry }: Found): { line?: number; column?: number } {
  return {
    ...(entry.line !== undefined && { line: entry.line }),
    ...(entry.column !== undefined && { column: entry.column }),
  }
}
