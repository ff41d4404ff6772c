import {
  EVENT_ID,
  SCALAR_STYLE,
  YAMLException,
  getScalarValue,
  parseEvents,
  type Event,
  type ScalarEvent,
} from 'js-yaml'
import { messageOf } from '../errors.js'
import { DocumentError } from './document-error.js'
import { entryOf, type PropertyEntry } from './document.js'
import { formatPath, documentPath, type PropertyPath } from './path.js'
import { yamlScalar, type Scalar } from './scalar.js'

/**
 * YAML to flat entries with their places, straight from js-yaml's events: no object is built from the document, so
 * a key such as `__proto__` has nothing to poison, and both lines of a duplicate key are known.
 */

const MAX_DEPTH = 100
/** How many nodes aliases and merge keys may add to a document. */
const MAX_ALIASED = 10_000

type Node = ScalarNode | ListNode | MapNode
interface ScalarNode {
  kind: 'scalar'
  text: string
  value: Scalar
  plain: boolean
  at: number
}
interface ListNode {
  kind: 'list'
  items: Value[]
  at: number
}
interface MapNode {
  kind: 'map'
  pairs: { name: string; at: number; merge: boolean; node: Value }[]
  at: number
}
type Value = { node: Node; aliased: boolean }

/** The `---` documents of a YAML source, each as its entries. An empty source has none. */
export function readYaml(source: string, name: string): PropertyEntry[][] {
  const lines = lineStarts(source)
  const fail = (at: number, reason: string): never => {
    const { line, column } = placeOf(lines, at)
    throw new DocumentError(name, reason, line, column)
  }
  let events: Event[]
  try {
    events = parseEvents(source, { maxDepth: MAX_DEPTH })
  } catch (error) {
    if (!(error instanceof YAMLException) || !error.mark) throw new DocumentError(name, messageOf(error))
    // Its own message would quote the source, and with it perhaps a password.
    const at = Math.min((lines[error.mark.line] ?? 0) + error.mark.column, source.length)
    return fail(at, explained(error.reason, source, at))
  }
  const documents: PropertyEntry[][] = []
  const reader = { source, events, at: 0, fail }
  while (reader.at < events.length) {
    reader.at++ // the document event
    const root = compose(reader, new Map())
    reader.at++ // its end
    if (root.node.kind === 'scalar' && root.node.value === null) documents.push([])
    else if (root.node.kind !== 'map') fail(root.node.at, 'expected `key: value` pairs at the top of the document')
    else documents.push(flatten(root.node, lines, fail))
  }
  return documents
}

interface Reader {
  readonly source: string
  readonly events: Event[]
  at: number
  readonly fail: (at: number, reason: string) => never
}

function compose(reader: Reader, anchors: Map<string, Node>): Value {
  const event = reader.events[reader.at++]!
  if (event.type === EVENT_ID.ALIAS) {
    const name = reader.source.slice(event.anchorStart, event.anchorEnd)
    const node = anchors.get(name) ?? reader.fail(event.anchorStart - 1, `there is no anchor &${name} above this alias`)
    return { node, aliased: true }
  }
  if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) {
    return { node: { kind: 'scalar', text: '', value: null, plain: true, at: 0 }, aliased: false }
  }
  const tag = event.tagStart < 0 ? '' : reader.source.slice(event.tagStart, event.tagEnd)
  const node: Node =
    event.type === EVENT_ID.SCALAR
      ? scalar(reader, event, tag)
      : event.type === EVENT_ID.SEQUENCE
        ? { kind: 'list', items: [], at: event.start }
        : { kind: 'map', pairs: [], at: event.start }
  if (node.kind !== 'scalar' && tag && !/^!(?:!(?:map|seq))?$/.test(tag))
    reader.fail(event.tagStart, `the tag ${tag} is not accepted`)
  if (event.anchorStart >= 0) anchors.set(reader.source.slice(event.anchorStart, event.anchorEnd), node)

  if (node.kind === 'list') {
    while (reader.events[reader.at]!.type !== EVENT_ID.POP) node.items.push(compose(reader, anchors))
    reader.at++
  } else if (node.kind === 'map') {
    composePairs(reader, anchors, node)
    reader.at++
  }
  return { node, aliased: false }
}

function composePairs(reader: Reader, anchors: Map<string, Node>, map: MapNode): void {
  const seen = new Map<string, number>()
  while (reader.events[reader.at]!.type !== EVENT_ID.POP) {
    const event = reader.events[reader.at]!
    const { node: key } = compose(reader, anchors)
    if (key.kind !== 'scalar') return reader.fail(key.at, 'a list or a map cannot be a key')
    const at = event.type === EVENT_ID.SCALAR && event.valueStart >= 0 ? event.valueStart : key.at
    const first = seen.get(key.text)
    if (first !== undefined) {
      const line = reader.source.slice(0, first).split('\n').length
      return reader.fail(at, `the key "${key.text}" is there twice: first in line ${line}`)
    }
    seen.set(key.text, at)
    map.pairs.push({ name: key.text, at, merge: key.plain && key.text === '<<', node: compose(reader, anchors) })
  }
}

function scalar(reader: Reader, event: ScalarEvent, tag: string): ScalarNode {
  const text = event.valueStart < 0 ? '' : getScalarValue(reader.source, event)
  const at = event.valueStart >= 0 ? event.valueStart : lastPlace(reader)
  const plain = event.style === SCALAR_STYLE.PLAIN
  switch (tag) {
    case '':
      return { kind: 'scalar', text, value: plain ? yamlScalar(text) : text, plain, at }
    case '!':
    case '!!str':
      return { kind: 'scalar', text, value: text, plain: false, at }
    case '!!int':
    case '!!float':
    case '!!bool':
    case '!!null':
      return { kind: 'scalar', text, value: yamlScalar(text), plain: true, at }
    default:
      return reader.fail(event.tagStart, `the tag ${tag} is not accepted`)
  }
}

/** An empty value has no place of its own: that of its key stands for it. */
function lastPlace(reader: Reader): number {
  const before = reader.events[reader.at - 2]
  return before?.type === EVENT_ID.SCALAR ? Math.max(before.valueStart, 0) : 0
}

function flatten(root: MapNode, lines: number[], fail: Reader['fail']): PropertyEntry[] {
  const entries: PropertyEntry[] = []
  let aliased = 0
  const count = (at: number) => {
    if (++aliased > MAX_ALIASED) fail(at, `aliases add more than ${MAX_ALIASED} values`)
  }

  const visit = ({ node, aliased: alias }: Value, path: PropertyPath, inAlias: boolean): void => {
    if ((inAlias ||= alias)) count(node.at)
    if (path.length > MAX_DEPTH) fail(node.at, `nested more than ${MAX_DEPTH} levels deep`)
    const place = placeOf(lines, node.at)
    if (node.kind === 'scalar') {
      entries.push(entryOf(path, { value: node.value, text: node.text, plain: node.plain, ...place }))
    } else if (node.kind === 'list') {
      if (node.items.length === 0)
        entries.push(entryOf(path, { kind: 'list', value: null, text: '', plain: false, ...place }))
      node.items.forEach((item, index) => visit(item, [...path, index], inAlias))
    } else {
      const pairs = merged(node, 0)
      if (pairs.length === 0 && path.length > 0) {
        entries.push(entryOf(path, { kind: 'map', value: null, text: '', plain: false, ...place }))
      }
      for (const pair of pairs) visit(pair.node, [...path, ...segments(pair)], inAlias)
    }
  }

  /** The pairs of a map with those that `<<` brings in, the map's own last and stronger. */
  const merged = (map: MapNode, depth: number): MapNode['pairs'] => {
    if (!map.pairs.some((pair) => pair.merge)) return map.pairs
    if (depth > MAX_DEPTH) fail(map.at, `nested more than ${MAX_DEPTH} levels deep`)
    const result = new Map<string, MapNode['pairs'][number]>()
    const own = map.pairs.filter((pair) => !pair.merge)
    for (const { node, at } of map.pairs
      .filter((pair) => pair.merge)
      .map((pair) => ({ node: pair.node.node, at: pair.at }))) {
      // Of several, the first is the strongest.
      for (const source of node.kind === 'list' ? node.items.map((item) => item.node).reverse() : [node]) {
        if (source.kind !== 'map') return fail(at, '`<<` takes a map or a list of maps')
        count(at)
        for (const pair of merged(source, depth + 1)) {
          count(at)
          result.set(pair.name, pair)
        }
      }
    }
    for (const pair of own) result.set(pair.name, pair)
    return [...result.values()]
  }

  const segments = (pair: MapNode['pairs'][number]): PropertyPath => {
    try {
      return documentPath(pair.name)
    } catch (error) {
      return fail(pair.at, messageOf(error))
    }
  }

  visit({ node: root, aliased: false }, [], false)
  refuseTwice(entries, fail, lines)
  return entries
}

/** `a.b: 1` beside `a: { b: 2 }`: no YAML duplicate, and still one name with two values. */
function refuseTwice(entries: readonly PropertyEntry[], fail: Reader['fail'], lines: number[]): void {
  const seen = new Map<string, PropertyEntry>()
  for (const entry of entries) {
    const key = formatPath(entry.path)
    const first = seen.get(key)
    if (first) {
      const at = lines[entry.line! - 1]! + entry.column! - 1
      fail(at, `the key "${entry.key}" is there twice: first in line ${first.line}`)
    }
    seen.set(key, entry)
  }
}

function explained(reason: string, source: string, at: number): string {
  const next = /^[ \t]*(.)/.exec(source.slice(at, at + 200))?.[1]
  if (next === '@' || next === '`') {
    return `a value cannot start with ${next}: put it in quotes (Maven fills in @…@ only in a Java build)`
  }
  if (reason.startsWith('tab characters')) return `${reason}: use spaces`
  if (reason === 'bad indentation of a mapping entry' && /:(?:\s|$)/.test(source.slice(at, at + 3))) {
    return `${reason} (a value that holds ": " stands in quotes)`
  }
  return reason
}

function lineStarts(source: string): number[] {
  const starts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function placeOf(lines: readonly number[], at: number): { line: number; column: number } {
  let low = 0
  let high = lines.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lines[middle]! <= at) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: at - lines[low]! + 1 }
}
