import { isPlainObject } from '../util/is-object.js'
import { isRawBody } from './body.js'
import { overrideHeaders, type FlatHeaders } from '../calls/flat-headers.js'
import { flattenHeaders, type HeaderInput } from './headers.js'
import { isSignal } from '../util/is-signal.js'
import { encodeFields, encodePairs, typeOf, type QueryStyle } from './query.js'
import { throwInvalidCall } from './invalid-call.js'
import { encodeSegment, type PathTemplate } from './template.js'
import { timeLimit } from '../util/longest-timer.js'

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'

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
  // One variable each, and no object of them: this is the hot path.
  let body: unknown, headers: unknown, query: unknown, signal: unknown, timeoutMs: unknown
  let joint = hasQuery ? '&' : '?'
  for (const key in given) {
    if (!Object.hasOwn(given, key) || variables.includes(key)) continue
    // `null` is as good as nothing, but for a body, which it can be.
    const value = given[key] ?? undefined
    if (key === 'body') body = given[key]
    else if (key === 'headers') headers = value
    else if (key === 'query') query = value
    else if (key === 'signal') signal = value
    else if (key === 'timeoutMs') timeoutMs = value
    else if (value !== undefined) {
      if (rules.bodied) throwUnusedArgument(key)
      const pairs = encodePairs(key, value, 'query', rules.queryStyle)
      if (pairs !== '') path += joint + pairs
      if (pairs !== '') joint = '&'
    }
  }
  return finish(rules, query === undefined ? path : withQuery(rules, path, query), body, headers, signal, timeoutMs)
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
  if (rules.bodied || last === undefined || last === null) return finish(rules, path, last)
  if (!isArguments(last)) {
    return throwInvalidCall(
      `takes a plain object as its query after ${variables.length} path variable(s), got ${typeOf(last)}`,
    )
  }
  return finish(rules, withQuery(rules, path, last))
}

function finish(
  rules: BindingRules,
  path: string,
  body?: unknown,
  headers?: unknown,
  signal?: unknown,
  timeoutMs?: unknown,
): BoundCall {
  if (body !== undefined && (rules.verb === 'GET' || rules.verb === 'HEAD'))
    throwInvalidCall(`${rules.verb} has no body: use POST, PUT or PATCH`)
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0))
    return throwInvalidCall(`timeoutMs must be a number of milliseconds above 0, got ${typeOf(timeoutMs)}`)
  if (signal !== undefined && !isSignal(signal))
    return throwInvalidCall(`signal must be an AbortSignal, got ${typeOf(signal)}`)
  return {
    path,
    headers:
      headers === undefined ? rules.headers : overrideHeaders(rules.headers, flattenHeaders(headers as HeaderInput)),
    body,
    signal,
    timeoutMs: timeoutMs === undefined ? undefined : timeLimit(timeoutMs),
  }
}

function withQuery({ queryStyle }: BindingRules, path: string, query: unknown): string {
  if (!isArguments(query)) return throwInvalidCall(`query must be a plain object, got ${typeOf(query)}`)
  const pairs = encodeFields(query, 'query', queryStyle)
  return pairs === '' ? path : path + (path.includes('?') ? '&' : '?') + pairs
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
