import { messageOf, SidecarError } from '../errors.js'
import { flagOf } from '../util/flag.js'
import { isObject } from '../util/is-object.js'
import { plainScalar } from '../properties/scalar.js'
import { masked } from '../properties/secrets.js'
import { parsePath, relaxed } from '../properties/path.js'

/** The type that a default implies: `9202` is a number, `[]` a list of anything, nothing at all is text. */
export type Widen<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T extends undefined
        ? string | undefined
        : T extends null
          ? string | null
          : T extends readonly []
            ? readonly unknown[]
            : T extends readonly (infer Item)[]
              ? readonly Widen<Item>[]
              : T extends object
                ? { readonly [K in keyof T]: Widen<T[K]> }
                : T

/** What is known of a value besides itself. */
interface Origin {
  /** Where it was written, for the error. */
  readonly place?: () => string | undefined
  /** What Java's YAML 1.1 reader makes of a scalar, where that is another value. */
  readonly java?: (key: string) => number | boolean | undefined
}

/**
 * Makes of a raw value what the default is an example of: `'9202'` → 9202, `'on'` → true, `'a,b'` → `['a', 'b']`.
 * A value that is not there is the default, and so is an empty text for a number, or for true or false.
 *
 * @throws SidecarError SIDECAR_CONFIG_TYPE where it cannot be made one.
 */
export function convertTo<T>(key: string, raw: unknown, fallback: T, { place, java }: Origin = {}): Widen<T> {
  if (raw === undefined || raw === null) return fallback as Widen<T>
  try {
    return convert(key, raw, fallback, java) as Widen<T>
  } catch (error) {
    const where = place?.()
    throw where === undefined ? error : new SidecarError('SIDECAR_CONFIG_TYPE', `${where}: ${messageOf(error)}`)
  }
}

function convert(key: string, raw: unknown, example: unknown, java: Origin['java']): unknown {
  switch (typeof example) {
    case 'number':
    case 'boolean': {
      if (raw === '') return example
      const asJava = java?.(key)
      if (typeof asJava === typeof example) return asJava
      return typeof example === 'number'
        ? (toNumber(raw) ?? throwNotConvertible(key, raw, 'a number'))
        : (toBoolean(raw) ?? throwNotConvertible(key, raw, 'true or false'))
    }
    case 'object':
      if (Array.isArray(example)) return toList(key, raw, example, java)
      if (example === null) break
      if (raw === '') return example
      return isObject(raw)
        ? toMap(key, raw, example as Record<string, unknown>, java)
        : throwNotConvertible(key, raw, 'a map')
  }
  return toText(raw) ?? throwNotConvertible(key, raw, 'text (pass {} or [] as the default to read what is below it)')
}

function toNumber(raw: unknown): number | undefined {
  const number = typeof raw === 'number' ? raw : typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : NaN
  return Number.isFinite(number) ? number : undefined
}

function toBoolean(raw: unknown): boolean | undefined {
  if (typeof raw === 'boolean') return raw
  return typeof raw === 'string' || typeof raw === 'number' ? flagOf(String(raw)) : undefined
}

function toText(raw: unknown): string | undefined {
  if (Array.isArray(raw)) return raw.every((item) => typeof item !== 'object') ? raw.join(',') : undefined
  return typeof raw === 'object' ? undefined : String(raw)
}

/** Items take the type of the default's first one. */
function toList(key: string, raw: unknown, example: readonly unknown[], java: Origin['java']): unknown {
  if (isObject(raw)) return throwNotConvertible(key, raw, 'a list')
  const text = typeof raw === 'string' ? raw.split(',').map((part) => part.trim()) : undefined
  const items = Array.isArray(raw) ? raw : text ? text.filter(Boolean).map(plainScalar) : [raw]
  return example.length === 0 ? items : items.map((item, index) => convert(`${key}[${index}]`, item, example[0], java))
}

/** The default's keys are filled in, give their types, and are found in any spelling; other keys come as they are. */
function toMap(
  key: string,
  raw: Record<string, unknown>,
  example: Record<string, unknown>,
  java: Origin['java'],
): unknown {
  const result = new Map(Object.entries(raw))
  for (const [name, inner] of Object.entries(example)) {
    const written = result.has(name) ? name : spelledOtherwise(name, raw, example)
    const value = written === undefined ? undefined : result.get(written)
    if (written !== undefined) result.delete(written)
    result.set(name, value === undefined || value === null ? inner : convert(`${key}.${name}`, value, inner, java))
  }
  return Object.fromEntries(result)
}

/** `pool-size` for `poolSize`, unless the default has both. */
function spelledOtherwise(name: string, raw: object, example: object): string | undefined {
  return Object.keys(raw).find((other) => relaxed(other) === relaxed(name) && !Object.hasOwn(example, other))
}

function throwNotConvertible(key: string, raw: unknown, expected: string): never {
  const got = Array.isArray(raw) ? 'a list' : isObject(raw) ? 'a map' : JSON.stringify(masked(parsePath(key), raw))
  throw new SidecarError('SIDECAR_CONFIG_TYPE', `${key}: expected ${expected}, got ${got}`)
}
