import type { CallRuntime } from '../calls/runtime.js'
import { SidecarDispatcher } from './dispatcher.js'
import { readLogicalUrl } from './logical-name.js'

/**
 * `fetch` with logical names. It is Node's own `fetch` over a dispatcher of ours: `Response`, `FormData` and `Request`
 * are the global ones.
 *
 * @param connections to one origin that is no logical name. @default any number
 * @example
 * const response = await sidecar.fetch('http://user-service/users/1')
 */
export function createFetch(runtime: () => CallRuntime, connections?: number): typeof globalThis.fetch {
  const dispatcher = new SidecarDispatcher(runtime, connections)
  // Names in Nacos are case-sensitive; a parsed URL is lower case.
  const dispatcherFor = (input: unknown) => {
    const service = typeof input === 'string' ? readLogicalUrl(input)?.service : undefined
    return service !== undefined && /[A-Z]/.test(service) ? dispatcher.calling(service) : dispatcher
  }
  return (input, init) => {
    // Node's types know the option by the name of another copy of undici.
    const withDispatcher = { ...init, dispatcher: dispatcherFor(input) } as unknown as RequestInit
    return globalThis.fetch(input, withDispatcher)
  }
}
