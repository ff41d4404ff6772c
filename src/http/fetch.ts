import type { Dispatcher } from 'undici'
import type { CallRuntime } from '../calls/runtime.js'
import type { SidecarDispatcher, SidecarDispatcherOptions } from './dispatcher.js'
import { invalidBalancedUrl, isBalancedScheme, listedBy, readLogicalUrl } from './logical-name.js'

type Input = Parameters<typeof fetch>[0]

/**
 * `fetch` with logical names. It is Node's own `fetch` over a dispatcher of ours: `Response`, `FormData` and `Request`
 * are the global ones.
 *
 * @param options by default, the registry is asked for each name, and an error of it is one of the call
 * @example
 * const response = await sidecar.fetch('http://user-service/users/1')
 */
export function createFetch(
  runtime: () => CallRuntime,
  { names = 'asked', agent }: SidecarDispatcherOptions = {},
): typeof globalThis.fetch {
  let dispatcher: SidecarDispatcher | undefined
  // Loaded with the first request: it brings undici.
  const load = async () => {
    const { SidecarDispatcher } = await import('./dispatcher.js')
    return (dispatcher ??= new SidecarDispatcher(runtime, { names, agent }))
  }
  const send = (by: SidecarDispatcher, input: Input, init: RequestInit | undefined) => {
    const { to, over } = route(by, input, runtime)
    // Node's types know the option by the name of another copy of undici.
    return globalThis.fetch(to, { ...init, dispatcher: over } as unknown as RequestInit)
  }
  return async (input, init) => send(dispatcher ?? (await load()), input, init)
}

/** What to ask of Node's `fetch`, and by which dispatcher. */
function route(by: SidecarDispatcher, input: Input, runtime: () => CallRuntime): { to: Input; over: Dispatcher } {
  const url = input instanceof Request ? input.url : String(input)
  const logical = readLogicalUrl(url, listedBy(runtime))
  if (logical === undefined) {
    if (isBalancedScheme(url)) throw invalidBalancedUrl(url)
    // A host of the outside cannot send the caller's token to a service by a redirect.
    return { to: input, over: by.outside }
  }
  const { service, sure, secure, rest } = logical
  // Names in Nacos are case-sensitive; a parsed URL is lower case.
  if (!sure && service === service.toLowerCase()) return { to: input, over: by }
  const origin = `http${secure ? 's' : ''}://${service.toLowerCase()}`
  const to = isBalancedScheme(url) ? withUrl(input, origin + rest) : input
  return { to, over: by.calling({ origin, service, sure }) }
}

function withUrl(input: Input, url: string): Input {
  return input instanceof Request ? new Request(url, input) : url
}
