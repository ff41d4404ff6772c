import { activeContext, registeredApi } from './registered-api.js'
import { safely } from './safely.js'

/** What the propagators of the SDK send along for the active span, names and values by turns, names in lower case. */
export function injectedHeaders(): string[] {
  const headers: string[] = []
  const api = registeredApi()
  if (api !== undefined) safely(() => api.propagation?.inject(activeContext(api), headers, LIST_SETTER))
  return headers
}

export const LIST_SETTER = {
  set: (to: string[], name: string, value: string) => void to.push(name.toLowerCase(), value),
}
