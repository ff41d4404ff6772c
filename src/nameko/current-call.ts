import { AsyncLocalStorage } from 'node:async_hooks'
import type { NamekoContext } from '../messaging/nameko-context.js'
import { processSlot } from '../process-state.js'

/** The call of another service that a handler works on. */
export interface NamekoCall {
  /** The own service. */
  readonly service: string
  readonly method: string
  /** What the caller sent along, by Nameko's names: `user_id`, `language`, `user_agent`, `auth_token`, `call_id_stack`. */
  readonly context: NamekoContext
  /** It may have been worked on before: its reply did not reach the broker. */
  readonly redelivered: boolean
  /** Aborts when the process leaves and waits no longer. */
  readonly signal: AbortSignal
}

const storage = processSlot('namekoCall', () => new AsyncLocalStorage())

export function runAsCall<T>(call: NamekoCall, work: () => T): T {
  return storage.run(call, work)
}

/**
 * The call that is worked on; `undefined` outside of a handler.
 *
 * @example
 * nameko.serve({ hello: () => greetingIn(currentNamekoCall()?.context.language) })
 */
export function currentNamekoCall(): NamekoCall | undefined {
  return storage.getStore()
}
