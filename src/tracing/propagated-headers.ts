import { registeredApi } from './registered-api.js'

const NONE: readonly string[] = []
const W3C: readonly string[] = ['traceparent', 'tracestate']

/**
 * Headers of a request being passed on that calls set anew: what the propagators of the SDK write, and the trace of the
 * request where it travels on anyway. `baggage` is passed on as it came: it belongs to no span.
 *
 * @param travels the context of the request has its trace
 */
export function propagatedHeaders(travels: boolean): readonly string[] {
  const propagation = registeredApi()?.propagation
  if (propagation === undefined) return travels ? W3C : NONE
  const fields = propagation.fields().map((name) => name.toLowerCase())
  return [...W3C, ...fields].filter((name) => name !== 'baggage')
}
