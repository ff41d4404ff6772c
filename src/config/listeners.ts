import { isDeepStrictEqual } from 'node:util'
import type { Logger } from '../logger.js'
import type { Subscription } from '../util/subscription.js'
import type { Sliced } from '../util/slices.js'
import { Listeners } from '../util/listeners.js'
import { formatPath, parsePath, relaxed, type PropertyPath } from '../properties/path.js'
import type { PropertyStore, RemoteChange } from '../properties/store.js'

/** A property that has changed. */
export interface PropertyChange {
  /** As it was subscribed to; with `.*`, the full name of the one that changed. */
  readonly key: string
  /** `undefined` where there is none any more; frozen. */
  readonly value: unknown
  /** `undefined` where there was none; frozen. */
  readonly previous: unknown
  /** The full names of what changed at and below `key`. */
  readonly keys: readonly string[]
}

/** Hears of changes; one that throws, or whose promise rejects, is logged. */
export type PropertyListener = (change: PropertyChange) => unknown

/** How many keys are compared between two chances to let the event loop turn. */
const STEP = 1_000

interface Listening {
  readonly key: string
  readonly path: PropertyPath
  readonly each: boolean
  readonly listeners: Listeners<PropertyChange>
}

/** The listeners of `config.on`. */
export class ConfigListeners {
  private readonly all = new Set<Listening>()

  constructor(
    private readonly store: PropertyStore,
    private readonly logger: Logger,
  ) {}

  add(key: string, listener: PropertyListener): Subscription {
    const each = key === '*' || key.endsWith('.*')
    const listeners = new Listeners<PropertyChange>({
      name: `config ${key || '(everything)'}`,
      logger: this.logger,
      onEmpty: () => this.all.delete(entry),
    })
    const entry: Listening = { key, path: parsePath(each ? key.slice(0, -2) : key), each, listeners }
    this.all.add(entry)
    return listeners.add(listener)
  }

  /** In slices: a document may change thousands of keys. */
  *notify(change: RemoteChange): Sliced<void> {
    for (const entry of [...this.all]) {
      yield
      const below: string[] = []
      for (const [index, path] of change.paths.entries()) {
        if (index % STEP === STEP - 1) yield
        if (isAtOrBelow(path, entry.path)) below.push(change.keys[index]!)
      }
      if (!entry.each) this.call(entry, change, entry.key, below)
      else {
        for (const key of below) {
          yield
          this.call(entry, change, key, [key])
        }
      }
    }
  }

  private call(entry: Listening, change: RemoteChange, key: string, keys: readonly string[]): void {
    // An item of a list changes with the list: its own name is not among the keys.
    const value = this.store.get(key)
    const previous = change.previous(key)
    if (!this.all.has(entry) || isDeepStrictEqual(value, previous)) return
    entry.listeners.emit({ key, value, previous, keys: keys.length > 0 ? keys : [formatPath(entry.path)] })
  }
}

function isAtOrBelow(path: PropertyPath, above: PropertyPath): boolean {
  return above.every((segment, at) => at < path.length && relaxed(String(segment)) === relaxed(String(path[at])))
}
