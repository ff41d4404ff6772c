import type { CallRuntime } from '../calls/runtime.js'
import type { SidecarDispatcher } from './dispatcher.js'
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
  let dispatcher: SidecarDispatcher | undefined
  // Loaded with the first request: it brings undici.
  const load = async () => {
    const { SidecarDispatcher } = await import('./dispatcher.js')
    return (dispatcher ??= new SidecarDispatcher(runtime, connections))
  }
  const send = (by: SidecarDispatcher, input: Parameters<typeof fetch>[0], init: RequestInit | undefined) => {
    // Names in Nacos are case-sensitive; a parsed URL is lower case.
    const service = typeof input === 'string' ? readLogicalUrl(input)?.service : undefined
    const own = service !== undefined && /[A-Z]/.test(service) ? by.calling(service) : by
    // Node's types know the option by the name of another copy of undici.
    return globalThis.fetch(input, { ...init, dispatcher: own } as unknown as RequestInit)
  }
  return (input, init) => (dispatcher ? send(dispatcher, input, init) : load().then((by) => send(by, input, init)))
}
