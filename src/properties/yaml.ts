import { YAMLException, parseEvents, type Event } from 'js-yaml'
import { messageOf } from '../errors.js'
import { DocumentError } from './document-error.js'
import { entryOf, type PropertyEntry } from './document.js'
import { documentPath, formatPath, type PropertyPath } from './path.js'
import { compose, type EventReader, type MapNode, type YamlValue } from './yaml-nodes.js'

/**
 * YAML to flat entries with their places, straight from js-yaml's events: no object is built from the document, so
 * a key such as `__proto__` has nothing to poison, and both lines of a duplicate key are known.
 */

const MAX_DEPTH = 100
/** How many nodes aliases and merge keys may add to a document. */
const MAX_ALIASED = 10_000

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

function flatten(root: MapNode, lines: number[], fail: EventReader['fail']): PropertyEntry[] {
  const entries: PropertyEntry[] = []
  let aliased = 0
  const count = (at: number) => {
    if (++aliased > MAX_ALIASED) fail(at, `aliases add more than ${MAX_ALIASED} values`)
  }

  const visit = ({ node, aliased: alias }: YamlValue, path: PropertyPath, inAlias: boolean): void => {
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
function refuseTwice(entries: readonly PropertyEntry[], fail: EventReader['fail'], lines: number[]): void {
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
  if (reason === 'deficient indentation') return `${reason} (is a quote or a bracket above it still open?)`
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
