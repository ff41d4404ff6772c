import { isPlainObject } from '../util/is-object.js'
import { refuseCall } from './refuse-call.js'

/**
 * One key of a query or a form as `key=value&key=value`: `undefined` and `null` are dropped, arrays repeated, dates in
 * ISO form.
 *
 * @param where `query` or `form`, for the error
 * @throws SidecarError `SIDECAR_CALL_INVALID`
 */
export function encodePairs(key: string, value: unknown, where: 'query' | 'form'): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) {
    return value
      .map((item) => encodePairs(key, item, where))
      .filter((pair) => pair !== '')
      .join('&')
  }
  return `${encode(key, where)}=${encode(textOf(key, value, where), where)}`
}

/** A whole object as a query or a form. */
export function encodeFields(fields: object, where: 'query' | 'form'): string {
  return Object.entries(fields)
    .map(([key, value]) => encodePairs(key, value, where))
    .filter((pairs) => pairs !== '')
    .join('&')
}

function textOf(key: string, value: unknown, where: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  return refuseCall(
    `the ${where} parameter ${key} is ${typeOf(value)}: a ${where} holds text, numbers, booleans, dates and arrays of them`,
  )
}

function encode(text: string, where: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return refuseCall(`a ${where} parameter is not well-formed Unicode`)
  }
}

/** For messages. */
export function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  return isPlainObject(value) ? 'an object' : `a ${value.constructor.name}`
}
