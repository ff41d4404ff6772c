import type { PropertyDocument, PropertyEntry } from './document.js'
import { relaxed, type PropertyPath } from './path.js'
import { runAtOnce, type Sliced } from '../util/slices.js'

const NO_CHILDREN: ReadonlyMap<string, PropertyNode> = new Map()

/** How much is merged between two chances to let the event loop turn. */
const STEP = 200

/** One name in the merged view of several documents: maps merge, lists and values replace, the later document wins. */
export class PropertyNode {
  /** Most nodes are leaves, and share an empty one. */
  children: ReadonlyMap<string, PropertyNode> = NO_CHILDREN
  entry: PropertyEntry | undefined
  /** The document of `entry`. */
  source: PropertyDocument | undefined
  isList = false
  /** The node of a relaxed name, where that is not what `children` has under this name. */
  private byRelaxedName: Map<string, PropertyNode> | undefined

  private constructor(
    /** As it was written last. */
    readonly name: string | number,
    private owner: PropertyDocument | undefined,
  ) {}

  /** @param documents lowest first. */
  static merge(documents: readonly PropertyDocument[]): PropertyNode {
    return runAtOnce(PropertyNode.merging(documents))
  }

  /** The same in slices. */
  static *merging(documents: readonly PropertyDocument[]): Sliced<PropertyNode> {
    const root = new PropertyNode('', undefined)
    let count = 0
    for (const document of documents) {
      for (const entry of document.entries) {
        root.insert(entry, document)
        if (++count % STEP === 0) yield
      }
    }
    return root
  }

  /** Exact name first, so that a map may hold both `a-1` and `a1`; then the relaxed one. */
  child(name: string | number): PropertyNode | undefined {
    return this.children.get(String(name)) ?? this.spelledOtherwise(relaxed(String(name)))
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

  /** Every value that changes as a whole: the leaves, but a list with all below it is one. */
  *wholes(path: PropertyPath = []): Generator<{ path: PropertyPath; node: PropertyNode }> {
    if (this.isList || this.entry) yield { path, node: this }
    if (!this.isList) for (const child of this.children.values()) yield* child.wholes([...path, child.name])
  }

  private spelledOtherwise(name: string): PropertyNode | undefined {
    return this.byRelaxedName?.get(name) ?? this.children.get(name)
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
    const relaxedName = typeof segment === 'number' ? name : relaxed(name)
    const other = this.spelledOtherwise(relaxedName)
    const node = new PropertyNode(segment, document)
    if (this.children === NO_CHILDREN) this.children = new Map()
    const children = this.children as Map<string, PropertyNode>
    // The same setting in another spelling and another document; two spellings in one document are two names.
    if (other && other.owner !== document) {
      children.delete(String(other.name))
      node.adopt(other)
    }
    children.set(name, node)
    if (relaxedName !== name) (this.byRelaxedName ??= new Map()).set(relaxedName, node)
    else this.byRelaxedName?.delete(relaxedName)
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
    this.children = NO_CHILDREN
    this.byRelaxedName = undefined
    this.isList = false
  }

  private adopt(other: PropertyNode): void {
    this.children = other.children
    this.byRelaxedName = other.byRelaxedName
    this.entry = other.entry
    this.source = other.source
    this.isList = other.isList
    this.owner = other.owner
  }
}
