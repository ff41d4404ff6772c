import { METHODS } from 'node:http'

const VERBS: ReadonlySet<string> = new Set(METHODS)

/** A method as part of a name: over HTTP/2, and in code, any text is one. */
export function verbOf(method = 'GET'): string {
  if (VERBS.has(method)) return method
  const upper = method.toUpperCase()
  return VERBS.has(upper) ? upper : 'OTHER'
}
