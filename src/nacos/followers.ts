import type { Logger } from '../logger.js'
import { isSameInstance, isUnchanged, serviceKeyText } from '../instance.js'
import type { ConfigItem, ConfigKey, ServiceInstance, ServiceKey, Unsubscribe } from '../types.js'
import { Listeners } from '../util/listeners.js'
import type { ConfigListener, FailureListener, ServiceListener } from './transport.js'

/**
 * The listeners of one service: each gets every list as an array of its own; one that comes later, the last one. What has
 * not changed stays the object it was, which is the one in use: else each instance would be held twice.
 */
export class ServiceFollowers {
  #last: readonly ServiceInstance[] = []
  readonly #lists: Listeners<readonly ServiceInstance[]>
  readonly #failures: Listeners<unknown>

  /** @param onEmpty the last listener has gone */
  constructor(key: ServiceKey, logger: Logger, onEmpty: () => void) {
    const name = `service ${serviceKeyText(key)}`
    this.#lists = new Listeners({ name, logger, replay: true, onEmpty })
    this.#failures = new Listeners({ name, logger })
  }

  add(listener: ServiceListener, onFailure?: FailureListener): Unsubscribe {
    const failures = onFailure && this.#failures.add(onFailure)
    const lists = this.#lists.add((instances) => listener([...instances]))
    return () => {
      failures?.()
      lists()
    }
  }

  emit(instances: readonly ServiceInstance[]): void {
    const last = this.#last
    this.#last = instances.map((instance, at) => {
      const before = last[at]
      return before && isSameInstance(before, instance) && isUnchanged(before, instance) ? before : instance
    })
    this.#lists.emit(this.#last)
  }

  fail(error: unknown): void {
    this.#failures.emit(error)
  }
}

/**
 * The listeners of one config document, each with the MD5 of what it holds ('' for nothing). The one place that
 * compares them: a listener is called only for a document that differs from its own.
 */
export class ConfigFollowers {
  readonly #items: Listeners<ConfigItem | undefined>
  readonly #held = new Set<{ md5: string }>()

  /** @param onEmpty the last listener has gone */
  constructor({ group, dataId }: ConfigKey, logger: Logger, onEmpty: () => void) {
    this.#items = new Listeners({ name: `config ${dataId} (${group})`, logger, onEmpty })
  }

  /** What the first listener holds. */
  get md5(): string {
    const [first] = this.#held
    return first?.md5 ?? ''
  }

  /** All listeners hold the same document. */
  get agree(): boolean {
    return [...this.#held].every(({ md5 }) => md5 === this.md5)
  }

  add(knownMd5: string, listener: ConfigListener): Unsubscribe {
    const held = { md5: knownMd5 }
    this.#held.add(held)
    const subscription = this.#items.add((item) => {
      const md5 = md5Of(item)
      if (md5 === held.md5) return
      held.md5 = md5
      return listener(item)
    })
    return () => {
      this.#held.delete(held)
      subscription()
    }
  }

  /** True if some listener held another document. */
  emit(item: ConfigItem | undefined): boolean {
    const md5 = md5Of(item)
    const differs = [...this.#held].some((held) => held.md5 !== md5)
    if (differs) this.#items.emit(item)
    return differs
  }
}

/** `''` where there is no document. */
export const md5Of = (item: ConfigItem | undefined): string => item?.md5 ?? ''
