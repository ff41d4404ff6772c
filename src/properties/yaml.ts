import { messageOf } from '../errors.js'
import { runAtOnce, type Sliced } from '../util/slices.js'
import { DocumentError } from './document-error.js'
import { entryOf, MAX_VALUES, tooManyValues, type PropertyEntry } from './document.js'
import { documentPath, type PropertyPath } from './path.js'
import {
  MAX_DEPTH,
  readEvents,
  readEventsInWorker,
  WORKER_FROM_CHARS,
  YamlSyntaxError,
  type YamlEvents,
} from './yaml-events.js'
import { composing, type EventReader, type MapNode, type YamlValue } from './yaml-nodes.js'

/**
 * YAML to flat entries with their places, straight from js-yaml's events: no object is built from the document, so
 * a key such as `__proto__` has nothing to poison, and both lines of a duplicate key are known.
 */

/** How many nodes aliases and merge keys may add to a document. */
const MAX_ALIASED = 10_000
/** A key, a value, and some lists and maps around them. */
const MAX_EVENTS = 4 * MAX_VALUES
/** How much is done between two chances to let the event loop turn. */
const STEP = 100

/** The `---` documents of a YAML source, each as its entries. An empty source has none. @throws DocumentError */
export function readYaml(source: string, name: string): PropertyEntry[][] {
  return runAtOnce(readingYaml(source, name, false))
}

/** The same in slices. @param inWorker a long one is parsed by a worker thread. */
export function* readingYaml(source: string, name: string, inWorker: boolean): Sliced<PropertyEntry[][]> {
  const lines = lineStarts(source)
  const fail = (at: number, reason: string): never => {
    const { line, column } = positionAt(lines, at)
    throw new DocumentError(name, reason, line, column)
  }
  let events: YamlEvents | number
  try {
    events =
      inWorker && source.length > WORKER_FROM_CHARS
        ? ((yield readEventsInWorker(source, MAX_EVENTS)) as YamlEvents | number)
        : readEvents(source)
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error
    if (error.line === undefined) throw new DocumentError(name, error.reason)
    // Its own message would quote the source, and with it perhaps a password.
    const at = Math.min((lines[error.line] ?? 0) + error.column!, source.length)
    return fail(at, explained(error.reason, source, at))
  }
  if (typeof events === 'number' || events.length > MAX_EVENTS) throw new DocumentError(name, tooManyValues())
  const documents: PropertyEntry[][] = []
  const reader = { source, events, at: 0, fail }
  let left = MAX_VALUES
  while (reader.at < events.length) {
    reader.at++ // the document event
    const root = yield* composing(reader, new Map())
    reader.at++ // its end
    if (root.node.kind === 'scalar' && root.node.value === null) documents.push([])
    else if (root.node.kind !== 'map') fail(root.node.at, 'expected `key: value` pairs at the top of the document')
    else documents.push(yield* flatten(root.node, lines, left, fail))
    left -= documents.at(-1)!.length
    if (documents.length % STEP === 0) yield
  }
  return documents
}

function* flatten(
  root: MapNode,
  lines: number[],
  maxValues: number,
  fail: EventReader['fail'],
): Sliced<PropertyEntry[]> {
  const entries: PropertyEntry[] = []
  let aliased = 0
  let visited = 0
  const count = (at: number) => {
    if (++aliased > MAX_ALIASED) fail(at, `aliases add more than ${MAX_ALIASED} values`)
  }
  const add = (entry: PropertyEntry, at: number) => {
    if (entries.length >= maxValues) fail(at, tooManyValues())
    entries.push(entry)
  }

  function* visit({ node, aliased: alias }: YamlValue, path: PropertyPath, inAlias: boolean): Sliced<void> {
    if ((inAlias ||= alias)) count(node.at)
    if (path.length > MAX_DEPTH) fail(node.at, `nested more than ${MAX_DEPTH} levels deep`)
    if (node.kind === 'scalar') return addScalar(node, path)
    if (++visited % STEP === 0) yield
    const empty = () =>
      add(
        entryOf(path, { kind: node.kind, value: null, text: '', plain: false, ...positionAt(lines, node.at) }),
        node.at,
      )
    if (node.kind === 'list') {
      if (node.items.length === 0) empty()
      for (const [index, item] of node.items.entries()) {
        if (++visited % STEP === 0) yield
        if (item.node.kind === 'scalar' && !inAlias && !item.aliased) addScalar(item.node, [...path, index])
        else yield* visit(item, [...path, index], inAlias)
      }
    } else {
      const pairs = merged(node, 0)
      if (pairs.length === 0 && path.length > 0) empty()
      for (const pair of pairs) {
        if (++visited % STEP === 0) yield
        yield* visit(pair.node, [...path, ...segments(pair)], inAlias)
      }
    }
  }

  const addScalar = (node: Extract<YamlValue['node'], { kind: 'scalar' }>, path: PropertyPath) =>
    add(
      entryOf(path, {
        value: node.value,
        text: node.text,
        plain: node.plain,
        ...(node.java !== undefined && { java: node.java }),
        ...positionAt(lines, node.at),
      }),
      node.at,
    )

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

  yield* visit({ node: root, aliased: false }, [], false)
  return entries
}

function explained(reason: string, source: string, at: number): string {
  const next = /^[ \t]*(.)/.exec(source.slice(at, at + 200))?.[1]
  if (next === '@' || next === '`') {
    return `a value cannot start with ${next}: put it in quotes (Maven fills in @…@ only in a Java build)`
  }
  if (reason === 'deficient indentation') return `${reason} (is a quote or a bracket above it still open?)`
  if (reason.startsWith('tab characters')) return `${reason}: use spaces`
  if (reason === 'bad indentation of a mapping entry' && /:(?:\s|$)/.test(source.slice(at, at + 3))) {
    return `${reason} (quote a value that contains ": ")`
  }
  return reason
}

function lineStarts(source: string): number[] {
  const starts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function positionAt(lines: readonly number[], at: number): { line: number; column: number } {
  let low = 0
  let high = lines.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lines[middle]! <= at) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: at - lines[low]! + 1 }
}
