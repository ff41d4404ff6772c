import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { mask } from './secrets.js'
import { callListener } from './call-listener.js'
import { createSubscription, type Subscription } from './subscription.js'

export interface ListenersOptions {
  /** What they listen to, for the log: `service DEFAULT_GROUP@@orders`. */
  readonly name: string
  readonly logger: Logger
  /** A listener that comes later is called with the last value, in a microtask. @default false */
  readonly replay?: boolean
  /** The last listener has ended its subscription. */
  readonly onEmpty?: () => void
}

type Listener<T> = (value: T) => unknown

/**
 * The listeners of one thing. One that throws, or whose promise rejects, is logged and affects no other; one that
 * subscribes twice is called twice.
 *
 * @example
 * const lists = new Listeners<string[]>({ name: 'service orders', logger, replay: true })
 * const subscription = lists.add((list) => render(list))
 * lists.emit(['a', 'b'])
 * subscription()
 */
export class Listeners<T> {
  readonly #all = new Set<Listener<T>>()
  readonly #options: ListenersOptions
  #last: { readonly value: T } | undefined

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#all.size
  }

  add(listener: Listener<T>): Subscription {
    // A function object of its own: the same listener may be added twice.
    let called = false
    const own: Listener<T> = (value) => {
      called = true
      return listener(value)
    }
    this.#all.add(own)
    if (this.#last)
      queueMicrotask(() => this.#last && !called && this.#all.has(own) && this.call(own, this.#last.value))
    return createSubscription(() => {
      if (this.#all.delete(own) && this.#all.size === 0) this.#options.onEmpty?.()
    })
  }

  /** Calls every listener that is subscribed now; one that a listener before it has ended is not called. */
  emit(value: T): void {
    if (this.#options.replay) this.#last = { value }
    for (const listener of [...this.#all]) if (this.#all.has(listener)) this.call(listener, value)
  }

  /** Ends every subscription, without `onEmpty`. */
  clear(): void {
    this.#all.clear()
    this.#last = undefined
  }

  /** Calls one listener alone. */
  call(listener: Listener<T>, value: T): void {
    const { name, logger } = this.#options
    callListener(listener, value, (error) => logger.error(`A listener of ${name} threw: ${mask(messageOf(error))}`))
  }
}
