import { isPlainObject } from '../util/is-object.js'
import { typeOf } from './query.js'
import { throwInvalidCall } from './invalid-call.js'

/** As Jackson reads it (`StreamReadConstraints`), and far from the end of the stack. */
const DEEPEST = 1_000

/**
 * A value as JSON can hold it: a Map as an object, a Set as a list. Anything of which JSON would make `{}` without a
 * word (a promise, an Error, a Response, an instance without fields of its own) is refused. Gives the same value where
 * there is nothing to do.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID`, with the place in the body
 */
export function toJsonValue(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? plain(value, NOTHING) : value
}

/** What a value stands in, from the body on, for errors and against circles. */
interface Place {
  readonly value: unknown
  /** Under which key or index `value` stands in `within`. */
  readonly key: string | number
  readonly within: Place | undefined
  readonly depth: number
}

const NOTHING: Place = { value: undefined, key: 'body', within: undefined, depth: 0 }

function plain(value: object, at: Place): unknown {
  if (value instanceof Date && Number.isNaN(value.getTime())) return throwUnserializable(at, 'an invalid date')
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value
  if (Array.isArray(value)) return list(value, value, at)
  if (value instanceof Set) return list([...value], value, at)
  if (value instanceof Map) return fields(entriesOf(value, at), value, at)
  if (typeof value.valueOf?.() !== 'object') return value // `new String('x')`
  if (!isPlainObject(value)) checkUnknownObject(value, at)
  return fields(value as Record<string, unknown>, value, at)
}

function list(items: unknown[], from: object, at: Place): unknown[] {
  let copy: unknown[] | undefined
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (typeof item !== 'object' || item === null) continue
    const next = plain(item, inside(at, from, i, item))
    if (next !== item) (copy ??= [...items])[i] = next
  }
  return copy ?? items
}

function fields(object: Record<string, unknown>, from: object, at: Place): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const key of Object.keys(object)) {
    const item = object[key]
    if (typeof item !== 'object' || item === null) continue
    const next = plain(item, inside(at, from, key, item))
    if (next !== item) (copy ??= { ...object })[key] = next
  }
  return copy ?? object
}

function inside(within: Place, value: object, key: string | number, item: object): Place {
  const place = { value, key, within, depth: within.depth + 1 }
  for (let above: Place | undefined = place; above; above = above.within)
    if (above.value === item) throwUnserializable(place, 'a circular reference')
  if (place.depth > DEEPEST) throwUnserializable(NOTHING, `nested deeper than ${DEEPEST} levels`)
  return place
}

function entriesOf(map: ReadonlyMap<unknown, unknown>, at: Place): Record<string, unknown> {
  for (const key of map.keys())
    if (typeof key !== 'string' && typeof key !== 'number')
      throwUnserializable(at, `a Map with a key that is ${typeOf(key)}`)
  return Object.fromEntries(map as ReadonlyMap<string, unknown>)
}

function checkUnknownObject(value: object, at: Place): void {
  if (typeof (value as { then?: unknown }).then === 'function') throwUnserializable(at, 'a promise: await it')
  if (value instanceof Error) throwUnserializable(at, 'an Error: send the fields that the receiver needs')
  if (Object.keys(value).length === 0)
    throwUnserializable(at, `${typeOf(value)} without fields of its own, which JSON writes as {}`)
}

function throwUnserializable(at: Place, what: string): never {
  return throwInvalidCall(`${nameOf(at)} is ${what}`)
}

/** @example 'body.list[0].cause' */
function nameOf(place: Place): string {
  let name = ''
  let at = place
  for (; at.within !== undefined; at = at.within)
    name = (typeof at.key === 'number' ? `[${at.key}]` : `.${at.key}`) + name
  return at.key + name
}
