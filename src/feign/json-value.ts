import { isPlainObject } from '../util/is-object.js'
import { typeOf } from './query.js'
import { refuseCall } from './refuse-call.js'

/** Values looked at: what comes after so many is taken as it is. */
const MOST = 1_000

/**
 * A value as JSON can hold it: a Map as an object, a Set as a list. Anything of which JSON would make `{}` without a
 * word (a promise, an Error, a Response, an instance without fields of its own) is refused. Gives the same value where
 * there is nothing to do.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID`, with the place in the body
 */
export function toJsonValue(value: unknown): unknown {
  let looked = 0

  function plain(value: unknown, at: string): unknown {
    if (typeof value !== 'object' || value === null || ++looked > MOST) return value
    if (value instanceof Date && Number.isNaN(value.getTime())) return refuse(at, 'an invalid date')
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value
    if (Array.isArray(value)) return list(value, at)
    if (value instanceof Set) return list([...value], at)
    if (value instanceof Map) return fields(entriesOf(value, at), at)
    if (typeof value.valueOf?.() !== 'object') return value // `new String('x')`
    if (!isPlainObject(value)) refuseUnknown(value, at)
    return fields(value as Record<string, unknown>, at)
  }

  function list(items: unknown[], at: string): unknown[] {
    let copy: unknown[] | undefined
    for (let i = 0; i < items.length && looked <= MOST; i++) {
      const next = plain(items[i], `${at}[${i}]`)
      if (next !== items[i]) (copy ??= [...items])[i] = next
    }
    return copy ?? items
  }

  function fields(object: Record<string, unknown>, at: string): Record<string, unknown> {
    let copy: Record<string, unknown> | undefined
    for (const key of Object.keys(object)) {
      const item = object[key]
      if (typeof item !== 'object' || item === null) continue
      const next = plain(item, `${at}.${key}`)
      if (next !== item) (copy ??= { ...object })[key] = next
    }
    return copy ?? object
  }

  return plain(value, 'body')
}

function entriesOf(map: ReadonlyMap<unknown, unknown>, at: string): Record<string, unknown> {
  for (const key of map.keys())
    if (typeof key !== 'string' && typeof key !== 'number') refuse(at, `a Map with a key that is ${typeOf(key)}`)
  return Object.fromEntries(map as ReadonlyMap<string, unknown>)
}

function refuseUnknown(value: object, at: string): void {
  if (typeof (value as { then?: unknown }).then === 'function') refuse(at, 'a promise: await it')
  if (value instanceof Error) refuse(at, 'an Error: send what of it is meant to be known')
  if (Object.keys(value).length === 0) refuse(at, `${typeOf(value)} without fields of its own, of which JSON makes {}`)
}

function refuse(at: string, what: string): never {
  return refuseCall(`${at} is ${what}`)
}
