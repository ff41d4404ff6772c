/**
 * State that must be one per process even where the package is loaded twice (ESM beside CJS, two copies in
 * node_modules): it hangs on a `Symbol.for` key that carries the major version, so two majors never meet.
 */
const KEY = Symbol.for('nacos-sidecar/0')

export interface SharedState {
  /** One slot per concept; the owner of a slot casts it to its own type. */
  [slot: string]: unknown
}

export function sharedState(): SharedState {
  const holder = globalThis as { [KEY]?: SharedState }
  return (holder[KEY] ??= Object.create(null) as SharedState)
}

/** The slot's value, made on first use. */
export function sharedSlot<T>(slot: string, create: () => T): T {
  const state = sharedState()
  return (state[slot] ??= create()) as T
}
