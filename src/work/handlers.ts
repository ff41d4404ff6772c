import type { EventBus } from '../messaging/event-bus.js'
import type { SidecarHost } from '../messaging/host.js'
import { SidecarError } from '../errors.js'
import type { Timers } from '../timers/timers.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'

/** Options of `sidecar.mount`. */
export interface MountOptions {
  /** Where its `@on` methods take events from. @default the bus of the settings, as `events(sidecar)` gives it */
  readonly bus?: EventBus
}

/** Handlers of an object at work. Call it, or `using`, to end them; what is in hand ends. */
export interface Mounted extends Subscription {
  /** Settles when the queues of its `@on` methods are there. That is after the start of the service. */
  readonly ready: Promise<void>
}

/** What a decorator has to be done with its method. */
export interface Mark {
  /** @param name of the method @param handle the method of the instance */
  mount(
    target: MountTarget,
    name: string,
    handle: (...args: never) => unknown,
  ): Subscription & { ready?: Promise<void> }
}

export interface MountTarget {
  readonly host: SidecarHost
  readonly timers: Timers
  readonly bus: EventBus | undefined
}

const OPTIONS: OptionNames<MountOptions> = { bus: true }

/** On the method itself: all copies of this package find it there. */
const MARKS = Symbol.for('nacos-sidecar.handler')
type Marked = ((...args: never) => unknown) & { [MARKS]?: readonly Mark[] }

/**
 * A method decorator of both kinds, TC39's and `experimentalDecorators`.
 *
 * @param decorator for messages: `@every`
 * @throws SidecarError `SIDECAR_MOUNT_INVALID` for what is no public method of an instance
 */
export function markMethod(decorator: string, mark: Mark) {
  return (value: unknown, second: unknown, descriptor?: PropertyDescriptor): void => {
    const context =
      typeof second === 'object' && second !== null && 'kind' in second ? (second as DecoratorContext) : undefined
    const name = context ? context.name : (second as PropertyKey)
    const method = context ? value : descriptor?.value
    const refuse = (why: string) => invalid(`${decorator} of ${String(name)}: ${why}`)
    if (context ? context.kind !== 'method' : typeof method !== 'function') throw refuse('it decorates methods only')
    if (context ? 'static' in context && context.static : typeof value === 'function')
      throw refuse('it is static; a handler is a method of an instance')
    if (context && 'private' in context && context.private) throw refuse('it is private, so no one can call it')
    if (typeof name !== 'string') throw refuse('a handler has a name that is text')
    const marked = method as Marked
    Object.defineProperty(marked, MARKS, { value: [...(marked[MARKS] ?? []), mark], configurable: true })
  }
}

/** @throws SidecarError `SIDECAR_MOUNT_INVALID`; what a handler is refused with */
export function mountHandlers(
  handlers: unknown,
  parts: Omit<MountTarget, 'bus'>,
  options: MountOptions,
  mounted: WeakSet<object>,
): Mounted {
  if (typeof handlers === 'function') throw invalid(`expected an object: pass new ${handlers.name || 'Handlers'}()`)
  if (typeof handlers !== 'object' || handlers === null) throw invalid(`expected an object, got ${String(handlers)}`)
  const marked = [...markedMethods(handlers)]
  if (marked.length === 0) throw invalid(`${nameOf(handlers)} has no method with @on or @every`)
  if (mounted.has(handlers)) throw invalid(`this ${nameOf(handlers)} is mounted already`)
  refuseUnknown(options ?? {}, OPTIONS, invalid)
  const { bus } = options ?? {}
  const target = { ...parts, bus }
  if (bus !== undefined && typeof (bus as Partial<EventBus> | null)?.on !== 'function')
    throw invalid('bus: expected what events(sidecar) gave')
  const made: (Subscription & { ready?: Promise<void> })[] = []
  const end = () => {
    mounted.delete(handlers)
    for (const subscription of made) subscription()
  }
  try {
    for (const [name, marks] of marked) {
      const handle = (...args: never) => (handlers as Record<string, (...args: never) => unknown>)[name]!(...args)
      for (const mark of marks) made.push(mark.mount(target, name, handle))
    }
  } catch (error) {
    end()
    throw error
  }
  mounted.add(handlers)
  const ready = Promise.all(made.map((subscription) => subscription.ready)).then(() => {})
  // It is an offer: each handler says in the log what becomes of it.
  ready.catch(() => {})
  return Object.assign(createSubscription(end), { ready })
}

/** Of each name the nearest: a method that a subclass has in place of it needs a decorator of its own. */
function* markedMethods(handlers: object): Generator<[name: string, marks: readonly Mark[]]> {
  const seen = new Set<PropertyKey>()
  for (
    let at: object | null = handlers;
    at && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (seen.has(name)) continue
      seen.add(name)
      const value = Object.getOwnPropertyDescriptor(at, name)?.value as unknown
      const marks = typeof value === 'function' ? (value as Marked)[MARKS] : undefined
      if (marks) yield [name, marks]
    }
  }
}

function nameOf(handlers: object): string {
  const { constructor } = handlers as { constructor?: { name?: unknown } }
  return typeof constructor?.name === 'string' && constructor.name !== 'Object' ? constructor.name : 'object'
}

function invalid(why: string): SidecarError {
  return new SidecarError('SIDECAR_MOUNT_INVALID', `sidecar.mount(): ${why}`)
}
