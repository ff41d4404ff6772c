import { formatPath, documentPath, withoutSpring, type PropertyPath } from './path.js'
import { plainScalar, type Scalar } from './scalar.js'
import { runAtOnce, type Sliced } from '../util/slices.js'

/** Where a value comes from, lowest first. */
export const LAYERS = ['local', 'remote', 'environment', 'application json', 'command line', 'code'] as const
export type PropertyLayer = (typeof LAYERS)[number]

/**
 * How many values a document may have: 1 MiB of them would keep a process busy for seconds. A list of 50,000 names has
 * as many.
 */
export const MAX_VALUES = 50_000

/** Says that a document has more than `MAX_VALUES`. */
export function tooManyValues(): string {
  return `it has more than ${MAX_VALUES} values: split it, or write a long list as one text with commas`
}

/** One value of a document. `map` and `list` are the empty ones; filled ones are their values. */
export interface PropertyEntry {
  /** Without a leading `spring` where that means nothing. */
  readonly path: PropertyPath
  /** The whole name as it was written. */
  readonly key: string
  readonly kind: 'scalar' | 'map' | 'list'
  readonly value: Scalar
  /** The value as it was written: `1.10` stays `1.10`, `007` stays `007`. */
  readonly text: string
  /** Not quoted: `${PORT}` may become a number. */
  readonly plain: boolean
  /** The value of Java's YAML 1.1 reader where it differs: used when a number or boolean is asked for. */
  readonly java?: number | boolean
  readonly line?: number
  readonly column?: number
}

/** A flat list of values and the name they are known under in messages. */
export interface PropertyDocument {
  /** `bootstrap.yml`, a data id, `environment`, … */
  readonly name: string
  readonly layer: PropertyLayer
  readonly entries: readonly PropertyEntry[]
  /** Of a remote document: the local one that it stands just above. @default above all local ones */
  readonly above?: PropertyDocument | undefined
}

export function entryOf(
  path: PropertyPath,
  value: Partial<PropertyEntry> & Pick<PropertyEntry, 'value' | 'text' | 'plain'>,
): PropertyEntry {
  return { kind: 'scalar', ...value, path: withoutSpring(path), key: formatPath(path) }
}

/** A plain text value, as the environment, the command line and properties files have them. */
export function textEntry(path: PropertyPath, text: string, position?: { line?: number; key?: string }): PropertyEntry {
  const entry = entryOf(path, { value: plainScalar(text), text, plain: true })
  return { ...entry, ...position }
}

/** The values of a plain object; its keys may be dotted. Throws where a key is not accepted. */
export function entriesOfObject(object: object): PropertyEntry[] {
  return runAtOnce(collectingEntries(object))
}

/** The same in slices. */
export function* collectingEntries(object: object): Sliced<PropertyEntry[]> {
  const entries: PropertyEntry[] = []
  yield* collect(object, [], entries)
  return entries
}

function* collect(value: unknown, path: PropertyPath, entries: PropertyEntry[]): Sliced<void> {
  if (path.length > 100) throw new Error('nested more than 100 levels deep')
  if (entries.length > MAX_VALUES) throw new Error(tooManyValues())
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return
  // From code: what is in them is no property of theirs.
  if (value instanceof Map || value instanceof Set) {
    return yield* collect(value instanceof Map ? Object.fromEntries(value) : [...value], path, entries)
  }
  if (Array.isArray(value)) {
    if (value.length === 0) entries.push(entryOf(path, { kind: 'list', value: null, text: '', plain: false }))
    for (const [index, item] of value.entries()) yield* collectIn(item ?? null, [...path, index], entries)
  } else if (value !== null && typeof value === 'object' && !isText(value)) {
    const own = Object.entries(value)
    if (own.length === 0 && path.length > 0)
      entries.push(entryOf(path, { kind: 'map', value: null, text: '', plain: false }))
    for (const [key, inner] of own) yield* collectIn(inner, [...path, ...documentPath(key)], entries)
  } else {
    const scalar = typeof value === 'number' || typeof value === 'boolean' || value === null ? value : String(value)
    entries.push(entryOf(path, { value: scalar, text: scalar === null ? '' : String(scalar), plain: false }))
  }
}

function isText(value: object): boolean {
  return value instanceof Date || value instanceof URL || value instanceof RegExp
}

function* collectIn(value: unknown, path: PropertyPath, entries: PropertyEntry[]): Sliced<void> {
  if (entries.length % 100 === 99) yield
  yield* collect(value, path, entries)
}

/** JSON's null is no value, as in Spring; in a list it holds its place. */
export function withoutNull(entries: readonly PropertyEntry[]): PropertyEntry[] {
  return entries.flatMap((entry) => {
    if (entry.kind !== 'scalar' || entry.value !== null) return [entry]
    return typeof entry.path.at(-1) === 'number' ? [{ ...entry, plain: false }] : []
  })
}
