import type { PropertyDocument, PropertyEntry } from './document.js'
import { relaxed, type PropertyPath } from './path.js'

/** One name in the merged view of several documents: maps merge, lists and values replace, the later document wins. */
export class PropertyNode {
  readonly children = new Map<string, PropertyNode>()
  entry: PropertyEntry | undefined
  /** Who gave `entry`. */
  source: PropertyDocument | undefined
  isList = false
  private readonly byRelaxedName = new Map<string, PropertyNode>()

  private constructor(
    /** As it was written last. */
    readonly name: string | number,
    private owner: PropertyDocument | undefined,
  ) {}

  /** @param documents lowest first. */
  static merge(documents: readonly PropertyDocument[]): PropertyNode {
    const root = new PropertyNode('', undefined)
    for (const document of documents) for (const entry of document.entries) root.insert(entry, document)
    return root
  }

  /** Exact name first, so that a map may hold both `a-1` and `a1`; then the relaxed one. */
  child(name: string | number): PropertyNode | undefined {
    return this.children.get(String(name)) ?? this.byRelaxedName.get(relaxed(String(name)))
  }

  find(path: PropertyPath): PropertyNode | undefined {
    return path.reduce<PropertyNode | undefined>((node, segment) => node?.child(segment), this)
  }

  /** Every node with a value, at and below this one. */
  *leaves(
    path: PropertyPath = [],
  ): Generator<{ path: PropertyPath; node: PropertyNode; entry: PropertyEntry; source: PropertyDocument }> {
    if (this.entry && this.source) yield { path, node: this, entry: this.entry, source: this.source }
    for (const child of this.children.values()) yield* child.leaves([...path, child.name])
  }

  private insert(entry: PropertyEntry, document: PropertyDocument): void {
    const node = entry.path.reduce<PropertyNode>((parent, segment) => {
      parent.open(typeof segment === 'number', document)
      return parent.descend(segment, document)
    }, this)
    node.set(entry, document)
  }

  /** Makes room for a child: a list, and a value, of an earlier document gives way. */
  private open(asList: boolean, document: PropertyDocument): void {
    const foreign = this.owner !== document
    if (asList ? foreign || !this.isList : this.isList) this.clear()
    if (this.source !== document) this.entry = this.source = undefined
    else if (this.entry?.kind !== 'scalar') this.entry = this.source = undefined
    this.isList = asList
    this.owner = document
  }

  private descend(segment: string | number, document: PropertyDocument): PropertyNode {
    const name = String(segment)
    const exact = this.children.get(name)
    if (exact) return exact
    const other = this.byRelaxedName.get(relaxed(name))
    const node = new PropertyNode(segment, document)
    // The same setting in another spelling and another document; two spellings in one document are two names.
    if (other && other.owner !== document) {
      this.children.delete(String(other.name))
      node.adopt(other)
    }
    this.children.set(name, node)
    this.byRelaxedName.set(relaxed(name), node)
    return node
  }

  private set(entry: PropertyEntry, document: PropertyDocument): void {
    const filled = this.children.size > 0
    const foreign = this.owner !== document
    this.owner = document
    // `key:` with nothing behind it, or `{}`, takes nothing away from a map.
    if (filled && !this.isList && (entry.kind === 'map' || (entry.value === null && entry.kind === 'scalar'))) return
    if (filled && (foreign || this.isList || entry.kind === 'list')) this.clear()
    this.isList = entry.kind === 'list'
    this.entry = entry
    this.source = document
  }

  private clear(): void {
    this.children.clear()
    this.byRelaxedName.clear()
    this.isList = false
  }

  private adopt(other: PropertyNode): void {
    for (const [name, child] of other.children) this.children.set(name, child)
    for (const [name, child] of other.byRelaxedName) this.byRelaxedName.set(name, child)
    this.entry = other.entry
    this.source = other.source
    this.isList = other.isList
    this.owner = other.owner
  }
}
