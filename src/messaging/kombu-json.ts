import { isObject } from '../util/is-object.js'

/** What kombu 5.3 and later put around a value that JSON has no form for; earlier ones write the bare text. */
const TEXTS = ['datetime', 'date', 'time', 'decimal', 'bytes', 'base64']

/**
 * JSON of a Python service. Dates, decimals, ids and bytes are text, whatever version of kombu has written them.
 *
 * @throws SyntaxError for what is no JSON; Python writes `NaN` and `Infinity`, which are none
 */
export function parseKombuJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  return text.includes('"__type__"') ? unwrappedIn(value) : value
}

/** In place, and not by a reviver: that takes ten times as long, and fails for what is nested deeply. The text is of others. */
function unwrappedIn(root: unknown): unknown {
  const value = unwrapped(root)
  const rest = isContainer(value) ? [value] : []
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    for (const key of Array.isArray(next) ? next.keys() : Object.keys(next)) {
      const written = (next as Container)[key as string]
      if (!isContainer(written)) continue
      const inner = unwrapped(written)
      if (inner !== written) (next as Container)[key as string] = inner
      if (isContainer(inner)) rest.push(inner)
    }
  }
  return value
}

type Container = Record<string, unknown>

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null

function unwrapped(value: unknown): unknown {
  if (!isObject(value) || !Object.hasOwn(value, '__type__') || Object.keys(value).length !== 2) return value
  const { __type__: type, __value__: inner } = value
  if (typeof inner === 'string' && TEXTS.includes(String(type))) return inner
  if (type === 'uuid' && isObject(inner) && typeof inner['hex'] === 'string') {
    return inner['hex'].replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }
  return value
}
