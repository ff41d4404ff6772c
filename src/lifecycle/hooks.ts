import { SidecarError } from '../errors.js'
import type { Logger } from '../logger.js'
import { timeoutOf } from '../util/duration.js'
import type { Subscription } from '../util/subscription.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import { createStartHooks, type StartHooks } from './start-hooks.js'
import { createStopHooks, type StopHooks } from './stop-hooks.js'

/** What a start hook is given. */
export interface StartContext {
  /** Aborts at the hook's timeout, and when the sidecar stops in the middle of its start. */
  readonly signal: AbortSignal
}

/** What a stop hook is given. */
export interface StopContext {
  /** Aborts when the hook is no longer awaited: at its timeout, at `sidecar.leave-timeout`, at a second signal. */
  readonly signal: AbortSignal
  /** True if there is no time left for a clean end: after a second signal, or after `sidecar.leave-timeout`. */
  readonly killed: boolean
}

/** Done before the registration; its promise is awaited. */
export type StartHook = (context: StartContext) => unknown
/** Done while the process leaves; its promise is awaited. */
export type StopHook = (context: StopContext) => unknown

/**
 * When a stop hook runs. `after-drain`: the server is closed and no request is in progress. `before-deregister`: first
 * of all, while callers still come.
 */
export type StopMoment = 'after-drain' | 'before-deregister'

/** Options of `sidecar.onStart`. */
export interface StartHookOptions {
  /** For messages and `status()`. @default the name of the function */
  readonly name?: string
  /** How long it may take: milliseconds, or text such as `'30s'`. @default '30s' */
  readonly timeout?: number | string
}

/** Options of `sidecar.onStop`. */
export interface StopHookOptions {
  /** For messages and `status()`. @default the name of the function */
  readonly name?: string
  /** How long it is awaited: milliseconds, or text such as `'10s'`. @default '10s' */
  readonly timeout?: number | string
  /** @default 'after-drain' */
  readonly when?: StopMoment
}

/** Where a hook stands, in `status()`. */
export interface HookStatus {
  readonly name: string
  readonly at: 'start' | 'stop'
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  /** Why it failed; secrets are masked. */
  readonly error: string | undefined
}

/** What the app does at a start and at a stop. */
export interface Hooks {
  readonly starts: StartHooks
  readonly stops: StopHooks
  onStart(hook: StartHook, options?: StartHookOptions): Subscription
  onStop(hook: StopHook, options?: StopHookOptions): Subscription
}

const START_MS = 30_000
const STOP_MS = 10_000
const START: OptionNames<StartHookOptions> = { name: true, timeout: true }
const STOP: OptionNames<StopHookOptions> = { name: true, timeout: true, when: true }
const MOMENTS: readonly unknown[] = ['after-drain', 'before-deregister'] satisfies StopMoment[]

/** @param onFailure a start hook failed that was added late, but before the registration */
export function createHooks(logger: Logger, onFailure: (error: unknown) => void): Hooks {
  const starts = createStartHooks(onFailure)
  const stops = createStopHooks(logger)
  const count = { onStart: 0, onStop: 0 }
  const named = (method: 'onStart' | 'onStop', hook: unknown, options: { readonly name?: string } | null) => {
    if (typeof hook !== 'function') throw invalidHook(`sidecar.${method}(): expected a function, got ${typeof hook}`)
    if (typeof options !== 'object' || options === null) throw invalidHook(`sidecar.${method}(): options are an object`)
    refuseUnknown(options, method === 'onStart' ? START : STOP, (why) => invalidHook(`sidecar.${method}(): ${why}`))
    const { name } = options
    if (name !== undefined && typeof name !== 'string') throw invalidHook(`sidecar.${method}(): a name is text`)
    count[method]++
    return name ?? (hook.name || `${method} ${count[method]}`)
  }
  return {
    starts,
    stops,
    onStart(hook, options = {}) {
      const name = named('onStart', hook, options)
      const timeoutMs = timeoutOf(`sidecar.onStart(): timeout of "${name}"`, options.timeout, START_MS, invalidHook)
      return starts.add({ title: `start hook "${name}"`, name, timeoutMs, run: (signal) => hook({ signal }) })
    },
    onStop(hook, options = {}) {
      const name = named('onStop', hook, options)
      const timeoutMs = timeoutOf(`sidecar.onStop(): timeout of "${name}"`, options.timeout, STOP_MS, invalidHook)
      const { when = 'after-drain' } = options
      if (!MOMENTS.includes(when)) throw invalidHook(`sidecar.onStop(): when is one of ${MOMENTS.join(', ')}`)
      return stops.add({ title: `stop hook "${name}"`, name, when, timeoutMs, run: hook })
    },
  }
}

/** A wrong option of a hook, or of a resource. */
export function invalidHook(message: string): SidecarError {
  return new SidecarError('SIDECAR_HOOK_INVALID', message)
}
