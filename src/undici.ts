/** `nacos-sidecar/undici`: logical names for undici. */
// Gives every dispatcher its methods `request`, `stream` and so on.
import 'undici'
import { activeRuntime } from './calls/active-runtime.js'
import { SidecarDispatcher } from './http/dispatcher.js'

/**
 * A dispatcher for `undici.request`, `undici.fetch` and the rest.
 *
 * @example
 * const dispatcher = sidecarDispatcher()
 * const { body } = await request('http://user-service/users/1', { dispatcher })
 */
export function sidecarDispatcher(): SidecarDispatcher {
  return new SidecarDispatcher(activeRuntime)
}

export type { SidecarDispatcher }
