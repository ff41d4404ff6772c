import { isPlainObject } from '../util/is-object.js'
import { throwInvalidCall } from './invalid-call.js'

/** How lists and objects stand in a query. */
export interface QueryStyle {
  /** `a=1&a=2`, `a=1,2` (OpenFeign's `CSV`) or `a[]=1&a[]=2`. @default 'repeat' */
  readonly arrays?: 'repeat' | 'comma' | 'brackets'
  /** Objects within: `a.b=1` (Spring), `a[b]=1`, or `SIDECAR_CALL_INVALID`. @default 'refuse' */
  readonly objects?: 'refuse' | 'dots' | 'brackets'
}

/** Objects and lists within each other: beyond that it is a circle. */
const DEEPEST = 20

/**
 * One key of a query or a form as `key=value&key=value`: `undefined` and `null` are dropped, arrays repeated, dates in
 * ISO form.
 *
 * @param where `query` or `form`, for the error
 * @throws SidecarError `SIDECAR_CALL_INVALID`
 */
export function encodePairs(
  key: string,
  value: unknown,
  where: 'query' | 'form',
  style: QueryStyle | undefined = undefined,
  depth = 0,
): string {
  if (value === undefined || value === null) return ''
  if (depth > DEEPEST) return throwInvalidCall(`the ${where} parameter ${key} has values within values without an end`)
  if (Array.isArray(value)) {
    if (style?.arrays === 'comma' && !value.some(isPlainObject)) {
      const items = value.filter((item) => item !== undefined && item !== null)
      const texts = items.map((item) => encode(textOf(key, item, where), where))
      return texts.length === 0 ? '' : `${encode(key, where)}=${texts.join(',')}`
    }
    const name = style?.arrays === 'brackets' ? `${key}[]` : key
    return value
      .map((item) => encodePairs(name, item, where, style, depth + 1))
      .filter((pair) => pair !== '')
      .join('&')
  }
  const { objects = 'refuse' } = style ?? {}
  if (objects !== 'refuse' && isPlainObject(value)) {
    return Object.entries(value)
      .map(([name, item]) => {
        const within = objects === 'dots' ? `${key}.${name}` : `${key}[${name}]`
        return encodePairs(within, item, where, style, depth + 1)
      })
      .filter((pair) => pair !== '')
      .join('&')
  }
  return `${encode(key, where)}=${encode(textOf(key, value, where), where)}`
}

/** A whole object as a query or a form. */
export function encodeFields(fields: object, where: 'query' | 'form', style?: QueryStyle): string {
  return Object.entries(fields)
    .map(([key, value]) => encodePairs(key, value, where, style))
    .filter((pairs) => pairs !== '')
    .join('&')
}

function textOf(key: string, value: unknown, where: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || typeof value === 'bigint' || Number.isFinite(value)) return String(value)
  if (typeof value === 'number') return throwInvalidCall(`the ${where} parameter ${key} is ${value}`)
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  return throwInvalidCall(
    `the ${where} parameter ${key} is ${typeOf(value)}: a ${where} holds text, numbers, booleans, dates and arrays of them`,
  )
}

function encode(text: string, where: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return throwInvalidCall(`a ${where} parameter is not well-formed Unicode`)
  }
}

/** For messages. */
export function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  if (isPlainObject(value)) return 'an object'
  const name = (value.constructor as { name?: unknown } | undefined)?.name
  return typeof name === 'string' && name !== '' ? `a ${name}` : 'an object of a class'
}
