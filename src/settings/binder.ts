import type * as z from 'zod'
import { locate } from '../properties/document-error.js'
import type { PropertyLayer } from '../properties/document.js'
import { formatPath, type PropertyPath } from '../properties/path.js'
import { hasPlaceholder } from '../properties/placeholders.js'
import { isSecret } from '../properties/secrets.js'
import type { PropertyNode } from '../properties/tree.js'
import { placeOf, type Found, type PropertyView } from '../properties/view.js'
import { nearest } from '../util/nearest.js'
import { mask } from '../util/secrets.js'
import { kebab, type Shape } from './shape.js'
import { isWithoutEffect } from './without-effect.js'

/** Sections where a typo would go unnoticed: no other program has keys there. */
const OURS = [['cloud', 'nacos'], ['auth'], ['sidecar']]

/** Properties in the shape of the settings; remembers which became which, so that a problem can be placed. */
export class Binder {
  readonly warnings: string[] = []
  private readonly withoutEffect: string[] = []
  /** Which property became which setting, for messages. */
  private readonly origins = new Map<string, PropertyNode>()
  private readonly told = new Set<string>()

  constructor(private readonly view: PropertyView) {}

  section(shape: Shape, node: PropertyNode, path: PropertyPath): unknown {
    if (shape.kind !== 'section') return undefined
    const result: Record<string, unknown> = {}
    const known = new Set<PropertyNode>()
    for (const [name, field] of shape.fields) {
      const child = node.children.get(kebab(name)) ?? node.child(name)
      if (!child) continue
      known.add(child)
      const value = this.bind(field, child, [...path, name])
      if (value !== undefined) result[name] = value
    }
    if (OURS.some((prefix) => prefix.every((segment, index) => path[index] === segment))) {
      for (const child of node.children.values()) if (!known.has(child)) this.warnUnknown(child, path, shape)
    }
    return result
  }

  private bind(shape: Shape, node: PropertyNode, path: PropertyPath): unknown {
    this.origins.set(JSON.stringify(path), node)
    const found = this.scalarAt(node, path)
    switch (shape.kind) {
      case 'section':
        return found
          ? this.view.textOf(found)
          : node.entry?.value === null
            ? undefined
            : this.section(shape, node, path)
      case 'map':
        if (node.children.size === 0) return found ? this.view.textOf(found) : undefined
        return shape.value.kind === 'value' ? this.names(node, path) : this.children(shape.value, node, path)
      case 'list':
        if (found) return shape.orText ? this.view.textOf(found) : this.split(found, path, node)
        return node.children.size > 0 || node.isList ? this.items(shape.item, node, path) : undefined
      case 'value':
        if (found) return this.view.textOf(found)
        if (node.children.size === 0 && node.entry?.kind !== 'list' && node.entry?.kind !== 'map') return undefined
        return shape.section && !node.isList ? this.section(shape.section, node, path) : node.isList ? [] : {}
    }
  }

  private items(item: Shape, node: PropertyNode, path: PropertyPath): unknown {
    if (!node.isList) return {}
    const children = [...node.children.values()].sort((a, b) => Number(a.name) - Number(b.name))
    return children
      .map((child, index) => this.bind(item, child, [...path, index]))
      .filter((value) => value !== undefined)
  }

  private split(found: Found, path: PropertyPath, node: PropertyNode): string[] {
    const parts = this.view.textOf(found).split(',')
    return parts
      .map((part) => part.trim())
      .filter(Boolean)
      .map((part, index) => (this.origins.set(JSON.stringify([...path, index]), node), part))
  }

  private children(value: Shape, node: PropertyNode, path: PropertyPath): unknown {
    return Object.fromEntries(
      [...node.children.values()].map((child) => [child.name, this.bind(value, child, [...path, child.name])]),
    )
  }

  /** Free names may hold dots (`preserved.heart.beat.interval`), which the tree has split into levels. */
  private names(node: PropertyNode, path: PropertyPath): unknown {
    const pairs: [string, unknown][] = []
    for (const leaf of node.leaves()) {
      if (leaf.path.length === 0) continue
      const name = leaf.path.join('.')
      this.origins.set(JSON.stringify([...path, name]), leaf.node)
      if (leaf.entry.kind === 'scalar' && leaf.entry.value !== null) pairs.push([name, this.view.textOf(leaf)])
    }
    return Object.fromEntries(pairs)
  }

  /** The node's own scalar; of a section and a list what stands below it counts more. */
  private scalarAt(node: PropertyNode, path: PropertyPath): Found | undefined {
    const { entry, source } = node
    if (!entry || !source || entry.kind !== 'scalar' || entry.value === null || node.children.size > 0) return undefined
    const found = this.view.find(path) ?? { entry, source }
    // `ip: ${HOST_IP:}` counts as unset if HOST_IP is not set; a plain `""` is a deliberate value.
    return hasPlaceholder(found.entry.text) && this.view.textOf(found) === '' ? undefined : found
  }

  notes(): string[] {
    if (this.withoutEffect.length === 0) return []
    return [`these keys have no effect here: ${this.withoutEffect.join(', ')} (docs/migration.md)`]
  }

  /** The source of a setting; `undefined` for a default. */
  written(path: PropertyPath): PropertyLayer | undefined {
    const node = this.origins.get(JSON.stringify(path))
    const found = node && this.scalarAt(node, path)
    return found?.source.layer
  }

  private warnUnknown(node: PropertyNode, path: PropertyPath, shape: Shape): void {
    if (shape.kind !== 'section') return
    const leaves = [...node.leaves()].map((leaf) => [...path, node.name, ...leaf.path])
    if (leaves.length > 0 && leaves.every(isWithoutEffect)) {
      this.withoutEffect.push(
        ...leaves.map((one) => formatPath(one.map((part) => (typeof part === 'string' ? kebab(part) : part)))),
      )
      return
    }
    const leaf = node.leaves().next().value
    if (!leaf) return
    const key = formatPath([...path.map((part) => (typeof part === 'string' ? kebab(part) : part)), node.name])
    const guess = nearest(kebab(String(node.name)), [...shape.fields.keys()].map(kebab))
    const place = locate(leaf.source.name, leaf.entry.line, leaf.path.length === 0 ? leaf.entry.column : undefined)
    this.warnings.push(`${place}: unknown key ${key}${guess ? `, did you mean ${guess}?` : ' is ignored'}`)
  }

  /**
   * `bootstrap.yml:3:9: server.port: expected an integer 0–65535, got "80a"`; `undefined` for what was told of the same value
   * before: an address, given once, is that of services and of documents.
   */
  describe(issue: z.core.$ZodIssue): string | undefined {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
    const node = this.nearestOrigin(path)
    const leaf = node?.leaves().next().value
    const found = leaf && (this.scalarAt(leaf.node, [...path, ...leaf.path]) ?? leaf)
    const written =
      found?.source.layer === 'environment' ? undefined : leaf && leaf.path.length === 0 ? found?.entry.key : undefined
    const key = written ?? formatPath(path.map((part) => (typeof part === 'string' ? kebab(part) : part)))
    const place = found ? `${placeOf(found)}: ` : ''
    const problem = `${issue.message}${this.got(issue, path, node, found)}`
    const told = `${place}${found?.source.layer === 'environment' ? '' : `${key}: `}${problem}`
    if (this.told.has(told)) return undefined
    this.told.add(told)
    return `${place}${key}: ${problem}`
  }

  private got(
    issue: z.core.$ZodIssue,
    path: PropertyPath,
    node: PropertyNode | undefined,
    found: Found | undefined,
  ): string {
    if (issue.code === 'custom' && issue.params?.['says']) return ''
    if (!node || !found) return ''
    if (node.isList) return ', got a list'
    if (node.children.size > 0) return ', got settings below it'
    return isSecret(path) ? ', got "***"' : `, got ${JSON.stringify(shorten(mask(this.view.textOf(found))))}`
  }

  private nearestOrigin(path: PropertyPath): PropertyNode | undefined {
    for (let length = path.length; length > 0; length--) {
      const node = this.origins.get(JSON.stringify(path.slice(0, length)))
      if (node) return node
    }
    return undefined
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
