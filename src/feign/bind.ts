import { isPlainObject } from '../util/is-object.js'
import { isRawBody } from './body.js'
import { overrideHeaders, type FlatHeaders } from '../calls/flat-headers.js'
import { flattenHeaders, type HeaderInput } from './headers.js'
import type { Verb } from './method-spec.js'
import { encodeFields, encodePairs, typeOf, type QueryStyle } from './query.js'
import { throwInvalidCall } from './invalid-call.js'
import { encodeSegment, type PathTemplate } from './template.js'
import { timeLimit } from '../calls/time-limit.js'

/** What binding reads of a method. */
export interface BindingRules {
  readonly verb: Verb
  readonly template: PathTemplate
  readonly bodied: boolean
  /** Sent with every call. */
  readonly headers: FlatHeaders
  readonly queryStyle?: QueryStyle | undefined
}

/** The arguments of one call, sorted to where they go. */
export interface BoundCall {
  /** Path and query, encoded. */
  readonly path: string
  /** The method's headers with the call's own on top. */
  readonly headers: FlatHeaders
  /** `undefined` sends none. */
  readonly body: unknown
  readonly signal: AbortSignal | undefined
  /** `Infinity` takes the method's own away. */
  readonly timeoutMs: number | undefined
}

interface Reserved {
  body?: unknown
  headers?: HeaderInput
  query?: Readonly<Record<string, unknown>>
  signal?: AbortSignal
  timeoutMs?: number
}

/**
 * Binds the arguments of a call: one plain object is the argument object, anything else is positional.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID`, before anything is sent.
 */
export function bind(rules: BindingRules, args: readonly unknown[]): BoundCall {
  if (args.length === 1 && isArguments(args[0])) return bindObject(rules, args[0])
  return bindPositional(rules, args)
}

function bindObject(rules: BindingRules, given: Readonly<Record<string, unknown>>): BoundCall {
  const { variables, pieces, hasQuery } = rules.template
  let path = pieces[0]!
  for (let i = 0; i < variables.length; i++) {
    const name = variables[i]!
    path += encodeSegment(name, Object.hasOwn(given, name) ? given[name] : undefined) + pieces[i + 1]!
  }
  const reserved: Reserved = {}
  let joint = hasQuery ? '&' : '?'
  for (const key in given) {
    if (!Object.hasOwn(given, key) || variables.includes(key)) continue
    const value = given[key]
    if (isReserved(key)) {
      // `null` is as good as nothing, but for a body, which it can be.
      if (value !== null || key === 'body') (reserved as Record<string, unknown>)[key] = value
    } else if (value !== undefined && value !== null) {
      if (rules.bodied) throwUnusedArgument(key)
      const pairs = encodePairs(key, value, 'query', rules.queryStyle)
      if (pairs !== '') path += joint + pairs
      if (pairs !== '') joint = '&'
    }
  }
  return finish(rules, reserved.query === undefined ? path : withQuery(rules, path, reserved.query), reserved)
}

function bindPositional(rules: BindingRules, args: readonly unknown[]): BoundCall {
  const { variables, pieces } = rules.template
  const last = args[variables.length]
  if (args.length > variables.length + 1) {
    throwInvalidCall(
      `takes ${variables.length} path variable(s) and one ${rules.bodied ? 'body' : 'query object'}, got ${args.length} arguments`,
    )
  }
  let path = pieces[0]!
  for (let i = 0; i < variables.length; i++) path += encodeSegment(variables[i]!, args[i]) + pieces[i + 1]!
  if (rules.bodied || last === undefined || last === null) return finish(rules, path, { body: last })
  if (!isArguments(last)) {
    return throwInvalidCall(
      `takes a plain object as its query after ${variables.length} path variable(s), got ${typeOf(last)}`,
    )
  }
  return finish(rules, withQuery(rules, path, last), {})
}

function finish(rules: BindingRules, path: string, { body, headers, signal, timeoutMs }: Reserved): BoundCall {
  if (body !== undefined && (rules.verb === 'GET' || rules.verb === 'HEAD'))
    throwInvalidCall(`${rules.verb} has no body: use POST, PUT or PATCH`)
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0))
    throwInvalidCall(`timeoutMs must be a number of milliseconds above 0, got ${typeOf(timeoutMs)}`)
  if (signal !== undefined && !isSignal(signal))
    throwInvalidCall(`signal must be an AbortSignal, got ${typeOf(signal)}`)
  const all = headers === undefined ? rules.headers : overrideHeaders(rules.headers, flattenHeaders(headers))
  const limit = timeoutMs === undefined ? undefined : timeLimit(timeoutMs)
  return { path, headers: all, body, signal, timeoutMs: limit }
}

function withQuery({ queryStyle }: BindingRules, path: string, query: Readonly<Record<string, unknown>>): string {
  if (!isArguments(query)) return throwInvalidCall(`query must be a plain object, got ${typeOf(query)}`)
  const pairs = encodeFields(query, 'query', queryStyle)
  return pairs === '' ? path : path + (path.includes('?') ? '&' : '?') + pairs
}

/** Of whatever copy, a polyfill's too. */
function isSignal(value: unknown): boolean {
  if (value instanceof AbortSignal) return true
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  )
}

function isReserved(key: string): key is keyof Reserved {
  return key === 'body' || key === 'headers' || key === 'query' || key === 'signal' || key === 'timeoutMs'
}

/** An argument object; a class instance is a body. */
function isArguments(value: unknown): value is Readonly<Record<string, unknown>> {
  return isPlainObject(value) && !isRawBody(value)
}

/** A password must not end up in a URL because `body` was left out. */
function throwUnusedArgument(key: string): never {
  return throwInvalidCall(
    `does not know the key "${key}": write { body: … } for the body, { query: { ${key}: … } } for the query`,
  )
}
