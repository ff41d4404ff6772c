import { ownError } from './errors.js'
import { invalid } from './names.js'

/** A handler of calls: of positional arguments, and of keyword arguments where its parameters are named. */
export interface NamekoMethod {
  /** `name`, or `name?` for one that may be left out. */
  readonly params: readonly string[] | undefined
  readonly handler: (...args: never[]) => unknown
}

const PARAMS = Symbol.for('nacos-sidecar.nameko-params')

/**
 * Names the parameters of a handler, so that callers can give them as keyword arguments, and so that arguments which do not fit are
 * refused as Python does (`IncorrectSignature`).
 *
 * @param params their names in order; one that may be left out ends with `?`
 * @throws SidecarError `SIDECAR_NAMEKO_INVALID`
 * @example
 * nameko.serve({ book: withParams(['seat', 'fare?'], async (seat: number, fare = 'economy') => seats.book(seat, fare)) })
 */
export function withParams<F extends (...args: never[]) => unknown>(params: readonly string[], handler: F): F {
  const where = 'withParams'
  if (typeof handler !== 'function') throw invalid(where, `expected a function, got ${typeof handler}`)
  if (!Array.isArray(params) || !params.every((param) => typeof param === 'string' && /^[^\s?]+\??$/.test(param)))
    throw invalid(where, 'expected a list of names, such as ["seat", "fare?"]')
  const named = (...args: never[]) => handler(...args)
  return Object.assign(named, { [PARAMS]: [...params] }) as unknown as F
}

/** @throws SidecarError `SIDECAR_NAMEKO_INVALID` */
export function methodOf(name: string, handler: unknown): NamekoMethod {
  if (typeof handler !== 'function')
    throw invalid('nameko.serve', `expected a function as "${name}", got ${typeof handler}`)
  const { [PARAMS]: params } = handler as { readonly [PARAMS]?: readonly string[] }
  return { params, handler: handler as NamekoMethod['handler'] }
}

/**
 * The arguments of a handler, in order, as Python would bind them.
 *
 * @throws NamekoRemoteError `IncorrectSignature`, in Python's words
 */
export function bindArguments(
  name: string,
  { params, handler }: NamekoMethod,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  if (params === undefined) return unnamed(name, handler, args, kwargs)
  const names = params.map((param) => param.replace(/\?$/, ''))
  if (args.length > names.length)
    throw wrong(`${name}() takes ${count(names.length)} but ${args.length} ${args.length === 1 ? 'was' : 'were'} given`)
  const bound = names.map((param, index) => (index < args.length ? args[index] : kwargs[param]))
  const given = new Set(names.slice(0, args.length))
  for (const key of Object.keys(kwargs)) {
    if (!names.includes(key)) throw wrong(`${name}() got an unexpected keyword argument '${key}'`)
    if (given.has(key)) throw wrong(`${name}() got multiple values for argument '${key}'`)
    given.add(key)
  }
  const missing = params.filter((param) => !param.endsWith('?') && !given.has(param))
  if (missing.length > 0) throw wrong(missingText(name, missing))
  return bound
}

/** How many a function takes at most is not known: it may have defaults. */
function unnamed(
  name: string,
  handler: NamekoMethod['handler'],
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  const [keyword] = Object.keys(kwargs)
  if (keyword !== undefined)
    throw wrong(`${name}() got an unexpected keyword argument '${keyword}': its parameters have no names`)
  if (args.length < handler.length)
    throw wrong(
      `${name}() takes at least ${count(handler.length)} but ${args.length} ${args.length === 1 ? 'was' : 'were'} given`,
    )
  return args
}

const wrong = (text: string) => ownError('IncorrectSignature', text)
const count = (n: number) => `${n} positional argument${n === 1 ? '' : 's'}`

function missingText(name: string, missing: readonly string[]): string {
  const quoted = missing.map((param) => `'${param}'`)
  const last = quoted.pop()!
  const list = quoted.length === 0 ? last : `${quoted.join(', ')} and ${last}`
  return `${name}() missing ${missing.length} required positional argument${missing.length === 1 ? '' : 's'}: ${list}`
}
