import { formatPath, relaxed, type PropertyPath } from '../properties/path.js'
import type { PropertyStore } from '../properties/store.js'
import { isPlainObject } from '../util/is-object.js'

type Fields = Record<string, unknown>

/** What is behind a proxy of ours: a schema may hand on what it was given. */
const behind = new WeakMap<object, Fields>()

/**
 * Everything below `path` as a schema wants to read it: a field it asks for is found in any spelling, in the
 * environment too (`DB_POOLSIZE` for `poolSize` below `db`), and then goes by the name that was asked for, so that a
 * strict schema does not meet it again as an unknown one.
 */
export function relaxedInput(store: Input, path: PropertyPath): unknown {
  const value = store.get(formatPath(path))
  return value === undefined ? fields(store, path, {}) : wrap(store, path, value)
}

/** What is read: all of a store, or some of it otherwise. */
interface Input extends Pick<PropertyStore, 'get'> {
  /** Replaces a scalar; itself by default. */
  readonly instead?: (path: PropertyPath, value: unknown) => unknown
}

/**
 * The same with other values for what a schema refused: where it may want a number, true or false, what Java's YAML 1.1
 * reader sees (`on`, `0123`); where it may want no text at all, nothing for an empty one.
 *
 * @returns undefined where there is no other value.
 */
export function javaInput(store: PropertyStore, path: PropertyPath, refused: readonly PropertyPath[]): unknown {
  const keyOf = (at: PropertyPath) => at.map((part) => relaxed(String(part))).join('\n')
  const others = new Map<string, unknown>()
  for (const at of refused) {
    const key = formatPath([...path, ...at])
    if (store.get(key) === '') others.set(keyOf([...path, ...at]), undefined)
    const java = store.javaValue(key)
    if (java !== undefined) others.set(keyOf([...path, ...at]), java)
  }
  if (others.size === 0) return undefined
  const instead = (at: PropertyPath, value: unknown) => (others.has(keyOf(at)) ? others.get(keyOf(at)) : value)
  return relaxedInput({ get: (key) => store.get(key), instead }, path)
}

function wrap(store: Input, path: PropertyPath, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, index) => wrap(store, [...path, index], item))
  if (isPlainObject(value)) return fields(store, path, value)
  return store.instead ? store.instead(path, value) : value
}

function fields(store: Input, path: PropertyPath, value: Fields): unknown {
  const pairs = Object.entries(value).map(([key, inner]) => [key, wrap(store, [...path, key], inner)] as const)
  const own = Object.fromEntries(pairs.filter(([, inner]) => inner !== undefined))
  const find = (name: string | symbol): boolean => {
    if (typeof name !== 'string' || name === '') return false
    const written = Object.keys(own).find((key) => relaxed(key) === relaxed(name))
    const found = written === undefined ? wrapFound(store, [...path, name]) : own[written]
    if (found === undefined) return false
    if (written !== undefined) delete own[written]
    own[name] = found
    return true
  }
  const proxy = new Proxy(own, {
    // What an object has by its prototype (`constructor`) comes last: it may be the name of a value.
    has: (_, name) => Object.hasOwn(own, name) || find(name) || name in own,
    get: (_, name) =>
      Object.hasOwn(own, name) || find(name) || name in own
        ? (own as Record<string | symbol, unknown>)[name]
        : undefined,
  })
  behind.set(proxy, own)
  return proxy
}

function wrapFound(store: Input, path: PropertyPath): unknown {
  return wrap(store, path, store.get(formatPath(path)))
}

/**
 * A frozen copy of what a schema gave back: its own plain maps and lists, none of our proxies.
 *
 * @param before called with each map and its path before it is frozen
 */
export function frozenCopy<T>(value: T, before?: (map: object, path: PropertyPath) => void): Frozen<T> {
  return copy(value, before ?? (() => {}), []) as Frozen<T>
}

function copy(value: unknown, before: (map: object, path: PropertyPath) => void, path: PropertyPath): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map((item, index) => copy(item, before, [...path, index])))
  const plain = typeof value === 'object' && value !== null ? (behind.get(value) ?? value) : value
  // A Date, a Map or a class of the app's own stays what it is.
  if (!isPlainObject(plain)) return plain
  const entries = Object.entries(plain).map(([key, inner]) => [key, copy(inner, before, [...path, key])] as const)
  const map: object = Object.fromEntries(entries)
  before(map, path)
  return Object.freeze(map)
}

type Untouched =
  ((...args: never[]) => unknown) | Date | RegExp | URL | Map<unknown, unknown> | Set<unknown> | Promise<unknown>

/** Maps and lists to be read only, all the way down. */
export type Frozen<T> = T extends Untouched
  ? T
  : T extends readonly (infer Item)[]
    ? number extends T['length']
      ? readonly Frozen<Item>[]
      : { readonly [K in keyof T]: Frozen<T[K]> }
    : T extends object
      ? { readonly [K in keyof T]: Frozen<T[K]> }
      : T
