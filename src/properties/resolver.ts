import { runAtOnce, type Sliced } from '../util/slices.js'
import type { PropertyEntry } from './document.js'
import { formatPath, parsePath, type PropertyPath } from './path.js'
import { hasPlaceholder, parsingTemplate, PENDING, rendering, type Rendering, type Template } from './placeholders.js'
import { placeOf, type Found, type Missing, type Problem, type Resolved } from './resolved.js'
import type { PropertyNode } from './tree.js'

/** Where placeholders look. */
export interface Lookup {
  find(path: PropertyPath): Found | undefined
  list(path: PropertyPath): PropertyNode | undefined
  /** What a placeholder falls back to: the defaults of the settings. */
  defaultOf(path: PropertyPath): string | undefined
}

/**
 * What all placeholders together may cost: the characters they make, and `VALUE_COST` for each value that has one. The
 * work of one store is bounded, whatever its documents say.
 */
const MAX_COST = 8_000_000
/** Some 26,000 values with placeholders in all. */
const VALUE_COST = 300
const MAX_NAMES_IN_MESSAGE = 10
/** So many placeholders of one value are named. */
const MAX_MISSING = 100

/** What an item of a list that a placeholder names costs, whatever its length. */
const ITEM_COST = 20
/** How much is done between two chances to let the event loop turn. */
const STEP = 200

type Key = PropertyEntry | string
type ResolvedList = Pick<Resolved, 'text' | 'problem' | 'firstMissing'>

interface Frame {
  readonly found: Found
  readonly key: Key
  template?: Template
}

/**
 * Resolves the placeholders of values, each value once: what it came to is kept. Without recursion, so that a chain of
 * any length is followed; in slices, so that the event loop turns.
 */
export class Resolver {
  private readonly known = new Map<Key, Resolved>()
  private readonly lists = new Map<PropertyNode, ResolvedList>()
  private cost = 0
  /** The value with which the placeholders made more than they may. */
  exhaustedBy: Found | undefined

  constructor(private readonly lookup: Lookup) {}

  resolve(found: Found): Resolved {
    return this.at(found) ?? runAtOnce(this.resolving(found))
  }

  *resolving(found: Found): Sliced<Resolved> {
    const stack = [frameOf(found)]
    /** What waits for others, outermost first, and where each stands in it. */
    const open: Frame[] = []
    const places = new Map<Key, number>()
    const close = (from: number) => {
      for (const { key } of open.splice(from)) places.delete(key)
    }
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      if (this.known.has(top.key)) {
        stack.pop()
        yield
        continue
      }
      const needs = yield* this.step(top)
      const place = places.get(top.key)
      if (this.known.has(top.key)) {
        if (place !== undefined) close(place)
        yield
        continue
      }
      if (place === undefined) {
        places.set(top.key, open.length)
        open.push(top)
      }
      for (const need of needs) {
        const first = places.get(need.key)
        if (first !== undefined) {
          yield* this.failCircle(open.slice(first))
          close(first)
          break
        }
        stack.push(need)
      }
      yield
    }
    return this.at(found)!
  }

  /** What is known of it without any work. */
  private at(found: Found): Resolved | undefined {
    const { entry } = found
    if (entry.value === null) return { text: '', missing: [] }
    if (!hasPlaceholder(entry.text)) return { text: entry.text, missing: [] }
    return this.known.get(keyOf(found))
  }

  /** Puts a value together as far as it goes. @returns what must be known first. */
  private *step(frame: Frame): Sliced<Iterable<Frame>> {
    const needs = new Map<Key, Frame>()
    const missing: string[] = []
    let firstMissing: Missing | undefined
    let problem: Resolved['problem']
    const need = (found: Found) => void needs.set(keyOf(found), frameOf(found))
    const use = (resolved: ResolvedList): string => {
      firstMissing ??= resolved.firstMissing
      problem ??= resolved.problem
      return resolved.text
    }
    const of = (found: Found): string | typeof PENDING => {
      const resolved = this.at(found)
      if (resolved) return use(resolved)
      need(found)
      return PENDING
    }
    const listOf = function* (this: Resolver, node: PropertyNode, path: PropertyPath) {
      const list = yield* this.list(node, path, need)
      return list ? use(list) : PENDING
    }.bind(this)
    const valueOf: Rendering['valueOf'] = (name) => {
      const path = parsePath(name)
      const found = this.lookup.find(path)
      if (!found) {
        const node = this.lookup.list(path)
        return node ? listOf(node, path) : this.lookup.defaultOf(path)
      }
      // `port: ${PORT:80}` means the variable, not itself.
      if (found.entry === frame.found.entry && formatPath(found.entry.path) !== formatPath(path)) return undefined
      return of(found)
    }
    const unresolved = ({ source }: { source: string }) => {
      if (missing.length < MAX_MISSING) missing.push(source)
      firstMissing ??= { placeholder: source, found: frame.found }
      return source
    }
    try {
      if (!frame.template) {
        this.charge(VALUE_COST)
        frame.template = yield* parsingTemplate(frame.found.entry.text)
      }
      const text = yield* rendering(frame.template, { valueOf, unresolved })
      if (text === PENDING) return needs.values()
      this.charge(text.length)
      if (problem) this.fail(frame, problem)
      else this.known.set(frame.key, { text, missing, firstMissing })
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown
      if (this.cost > MAX_COST) this.exhaustedBy ??= frame.found
      this.fail(frame, { code: 'SIDECAR_SETTINGS_INVALID', message: thrown.message })
    }
    return []
  }

  private charge(amount: number): void {
    this.cost += amount
    if (this.cost > MAX_COST)
      throw new RangeError(
        `the placeholders of all documents make more than ${MAX_COST} characters (each value with one counts for ${VALUE_COST} more)`,
      )
  }

  private fail({ key, found }: Frame, problem: Problem): void {
    this.known.set(key, { text: found.entry.text, missing: [], problem })
  }

  /** Each of them says the circle as it is seen from there. */
  private *failCircle(circle: readonly Frame[]): Sliced<void> {
    for (const [index, frame] of circle.entries()) {
      if (index % STEP === STEP - 1) yield
      const names = Array.from({ length: Math.min(circle.length, MAX_NAMES_IN_MESSAGE) }, (_, at) =>
        formatPath(circle[(index + at) % circle.length]!.found.entry.path),
      )
      if (circle.length > names.length) names.push('…')
      const way = [...names, names[0]].join(' → ')
      this.fail(frame, { code: 'SIDECAR_PLACEHOLDER_CYCLE', message: `placeholders refer to each other: ${way}` })
    }
  }

  /**
   * A list of names reads as Spring's `a,b`; put together once.
   *
   * @param need is called for each item that must be resolved first; then there is no text yet.
   */
  private *list(
    node: PropertyNode,
    path: PropertyPath,
    need: (found: Found) => void,
  ): Sliced<ResolvedList | undefined> {
    const known = this.lists.get(node)
    if (known) return known
    this.charge(node.children.size * ITEM_COST)
    const items: string[] = []
    let pending = false
    let firstMissing: Missing | undefined
    let problem: Resolved['problem']
    let count = 0
    for (const index of node.children.keys()) {
      if (++count % STEP === 0) yield
      const found = this.lookup.find([...path, Number(index)])
      const resolved = found ? this.at(found) : NO_TEXT
      if (!resolved) {
        pending = true
        need(found!)
        continue
      }
      firstMissing ??= resolved.firstMissing
      problem ??= resolved.problem
      items.push(resolved.text)
    }
    if (pending) return undefined
    const list: ResolvedList = { text: items.join(','), problem, firstMissing }
    this.lists.set(node, list)
    return list
  }
}

const NO_TEXT: Resolved = { text: '', missing: [] }

/** A variable is made an entry anew each time it is looked up: its name identifies it. */
function keyOf({ entry, source }: Found): Key {
  return source.layer === 'environment' ? placeOf({ entry, source }) : entry
}

function frameOf(found: Found): Frame {
  return { found, key: keyOf(found) }
}
