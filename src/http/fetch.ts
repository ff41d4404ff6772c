import type { FeignRuntime } from '../feign/runtime.js'
import { SidecarDispatcher } from './dispatcher.js'

/**
 * `fetch` with logical names. It is Node's own `fetch` over a dispatcher of ours: `Response`, `FormData` and `Request`
 * are the global ones.
 *
 * @example
 * const response = await sidecar.fetch('http://user-service/users/1')
 */
export function createFetch(runtime: () => FeignRuntime): typeof globalThis.fetch {
  const dispatcher = new SidecarDispatcher(runtime)
  return (input, init) => {
    // Node's types know the option by the name of another copy of undici.
    const withDispatcher = { ...init, dispatcher } as unknown as RequestInit
    return globalThis.fetch(input, withDispatcher)
  }
}
