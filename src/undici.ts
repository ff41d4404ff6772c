/** `nacos-sidecar/undici`: logical names for undici. */
import type { Agent } from 'undici'
// Gives every dispatcher its methods `request`, `stream` and so on.
import 'undici'
import { activeRuntime } from './calls/active-runtime.js'
import { SidecarDispatcher } from './http/dispatcher.js'

/**
 * A dispatcher for `undici.request`, `undici.fetch` and the rest; with undici's `setGlobalDispatcher` also for Node's own
 * `fetch`.
 *
 * @param options of undici's `Agent`, for everything that is no logical name
 * @example
 * const dispatcher = sidecarDispatcher()
 * const { body } = await request('http://user-service/users/1', { dispatcher })
 * @example
 * setGlobalDispatcher(sidecarDispatcher())
 * const response = await fetch('http://user-service/users/1')
 */
export function sidecarDispatcher(options?: Agent.Options): SidecarDispatcher {
  return new SidecarDispatcher(activeRuntime, { agent: options })
}

export type { SidecarDispatcher }
