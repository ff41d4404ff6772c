import { SidecarError } from '../errors.js'
import { throwInvalidCall } from './invalid-call.js'

/** What may stand for a `{variable}` of a path. */
export type PathValue = string | number | boolean | bigint

/** A path such as `/users/{id}/orders`, parsed once so that a call only joins strings. */
export interface PathTemplate {
  /** As written, with the client's own `path` in front. */
  readonly source: string
  /** Names of the variables, in order. */
  readonly variables: readonly string[]
  /** Literal pieces around the variables: one more than there are variables. */
  readonly pieces: readonly string[]
  /** True where the literal part has a query already. */
  readonly hasQuery: boolean
}

const VARIABLE = /\{([^{}]*)\}/g
const VARIABLE_NAME = /^[A-Za-z_$][\w$.-]*$/
const LITERAL = /^[\x21-\x7e]*$/

/**
 * Joins `base` and `path` and parses the result.
 *
 * @throws SidecarError `SIDECAR_CLIENT_INVALID` for an absolute URL, `//`, dot segments, control characters or braces
 * that do not pair.
 */
export function compileTemplate(base: string, path: string): PathTemplate {
  const source = join(base, path)
  const pieces = source.split(VARIABLE).filter((_, index) => index % 2 === 0)
  const variables = [...source.matchAll(VARIABLE)].map((match) => match[1]!)
  const throwInvalidPath = (why: string) => {
    throw new SidecarError('SIDECAR_CLIENT_INVALID', `The path ${JSON.stringify(source)} of a typed client ${why}`)
  }

  const [pathPart = ''] = source.split('?', 1)
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(path)) throwInvalidPath('is a URL: give the host as `name` or `url` of the client')
  if (!pieces.every((piece) => LITERAL.test(piece)))
    throwInvalidPath('has a blank, a control character or one that is not ASCII: percent-encode it')
  if (pieces.some((piece) => /[{}]/.test(piece))) throwInvalidPath('has a brace without its partner')
  if (source.includes('#')) throwInvalidPath('has a fragment (#), which is never sent')
  if (pathPart.includes('//') || pathPart.includes('\\')) throwInvalidPath('has // or a backslash in it')
  if (hasDotSegment(pathPart)) throwInvalidPath('has a . or .. segment')
  for (const name of variables) {
    if (!VARIABLE_NAME.test(name)) throwInvalidPath(`has a variable {${name}} that is not a name`)
  }
  if (new Set(variables).size < variables.length) throwInvalidPath('names a variable twice')
  if (source.includes('?') && source.lastIndexOf('{') > source.indexOf('?')) {
    throwInvalidPath('has a variable in its query: any other key of the argument object goes to the query by itself')
  }
  return { source, variables, pieces, hasQuery: source.includes('?') }
}

/** A segment that a URL parser reads as `.` or `..`, encoded ones too. */
export function hasDotSegment(path: string): boolean {
  const [pathPart = ''] = path.split('?', 1)
  return pathPart.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment))
}

function join(base: string, path: string): string {
  const trimmed = base.replace(/^\/|\/$/g, '')
  const left = trimmed === '' ? '' : `/${trimmed}`
  const right = path === '' || path.startsWith('/') || path.startsWith('?') ? path : `/${path}`
  const joined = left + right
  return joined.startsWith('/') ? joined : `/${joined}`
}

/** Most values are plain ids: they need no encoding. */
const UNRESERVED = /^[\w~-]+$/

/**
 * A value as exactly one segment of a path.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID` for what would make another path of it: nothing, `.`, `..`, control
 * characters, or a value that is no scalar.
 */
export function encodeSegment(name: string, value: unknown): string {
  if (typeof value === 'string') {
    if (UNRESERVED.test(value)) return value
    if (value === '') return throwInvalidPath(name, 'is empty')
    if (value === '.' || value === '..')
      return throwInvalidPath(name, `is ${JSON.stringify(value)}, which would name another path`)
    if (/[\x00-\x1f\x7f]/.test(value)) return throwInvalidPath(name, 'has a control character in it')
    try {
      return encodeURIComponent(value)
    } catch {
      return throwInvalidPath(name, 'is not well-formed Unicode')
    }
  }
  if (typeof value === 'number' && Number.isFinite(value)) return encodeURIComponent(value)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return throwInvalidPath(
    name,
    value === undefined || value === null ? `is ${value}` : 'is neither text, number nor boolean',
  )
}

function throwInvalidPath(name: string, why: string): never {
  return throwInvalidCall(`The path variable {${name}} ${why}`)
}
