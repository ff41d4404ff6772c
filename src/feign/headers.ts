import { typeOf } from './query.js'
import { HOP_BY_HOP, isHeaderName, isHeaderValue } from '../util/header-rules.js'
import { throwInvalidCall } from './invalid-call.js'

/** Header values as callers give them, or what lists pairs of them; `undefined` and `null` leave the header out. */
export type HeaderInput = HeaderRecord | Headers | ReadonlyMap<string, HeaderValue>

type HeaderValue = string | number | boolean | readonly string[] | null | undefined
type HeaderRecord = Readonly<Record<string, HeaderValue>>

/**
 * Checks and flattens headers. Hop-by-hop ones, and those that `Connection` declares to be, are left out, so that
 * passing on the headers of an incoming request is harmless.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID` for a name or value that could end the header (CR, LF, NUL) or that
 * HTTP cannot carry.
 */
export function flattenHeaders(given: HeaderInput): string[] {
  const headers = toRecord(given)
  const flat: string[] = []
  const declared = connectionHeaders(headers)
  for (const key of Object.keys(headers)) {
    const value = headers[key]
    if (value === undefined || value === null) continue
    const name = key.toLowerCase()
    if (!isHeaderName(name)) throwInvalidHeader(`The header name ${JSON.stringify(key)}`, 'is not one')
    if (HOP_BY_HOP.has(name) || declared?.has(name)) continue
    if (Array.isArray(value)) for (const item of value) flat.push(name, checked(name, item))
    else flat.push(name, checked(name, value))
  }
  return flat
}

/** @throws SidecarError `SIDECAR_CALL_INVALID` for what lists no headers */
function toRecord(given: unknown): HeaderRecord {
  if (typeof given !== 'object' || given === null)
    return throwInvalidCall(`headers must be an object, Headers or a Map, got ${typeOf(given)}`)
  if (!isPairs(given)) return given as HeaderRecord
  const record: Record<string, HeaderValue> = {}
  for (const pair of given as Iterable<unknown>) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string')
      return throwInvalidCall('headers must be an object, Headers or a Map, or list pairs of a name and a value')
    const [name, value] = pair as [string, HeaderValue]
    // A list may name one twice.
    record[name] = Object.hasOwn(record, name) ? [record[name], value].flat().map(String) : value
  }
  return record
}

/** `Headers` and a `Map` have no keys to read: their headers would be lost silently. */
function isPairs(headers: object): boolean {
  return typeof (headers as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
}

function connectionHeaders(headers: HeaderRecord): ReadonlySet<string> | undefined {
  const key = Object.keys(headers).find((name) => name.toLowerCase() === 'connection')
  if (key === undefined) return undefined
  return new Set(
    String(headers[key])
      .split(',')
      .map((name) => name.trim().toLowerCase()),
  )
}

function checked(name: string, value: unknown): string {
  if (typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol' || Number.isNaN(value))
    throwInvalidHeader(
      `The value of the header ${name}`,
      `is ${Number.isNaN(value) ? 'NaN' : typeOf(value)}: give text or a number`,
    )
  const text = typeof value === 'string' ? value : String(value)
  if (!isHeaderValue(text))
    throwInvalidHeader(
      `The value of the header ${name}`,
      'has a line break, a control character or one beyond Latin-1 in it: encode it',
    )
  return text
}

function throwInvalidHeader(what: string, why: string): never {
  return throwInvalidCall(`${what} ${why}`)
}
