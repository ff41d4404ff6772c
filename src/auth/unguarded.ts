import type { IncomingMessage } from 'node:http'
import { methodsOf } from './method.js'

/** Asked by load balancers and kubelets, which have no token. Exact: what lies below is the app's own. */
const HEALTH = /^\/(?:health|actuator\/health(?:\/(?:liveness|readiness))?)(?:\?|$)/

/** Whether this is a GET or HEAD of a health page, with a query or without. */
export function isHealthRequest(method: string | undefined, target: string): boolean {
  return (method === 'GET' || method === 'HEAD') && HEALTH.test(target)
}

/** The same, and it surely runs as GET: a method override could make something else of it behind the guard. */
export function isUnguardedHealth(request: IncomingMessage, target: string): boolean {
  return isHealthRequest(request.method, target) && methodsOf(request, target) === 'GET'
}

/**
 * A browser asks with OPTIONS, and without a token, before it sends one: a CORS preflight. It says who asks (`Origin`) and
 * for which method, has no body, asks for no other protocol and means what it says. Handlers for every method (`app.all`,
 * `app.use`) do see preflights.
 */
export function isPreflight(request: IncomingMessage, target: string): boolean {
  if (request.method !== 'OPTIONS') return false
  const { headers } = request
  if (!headers.origin || !headers['access-control-request-method'] || headers.upgrade !== undefined) return false
  return !hasBody(request) && methodsOf(request, target) === 'OPTIONS'
}

function hasBody(request: IncomingMessage): boolean {
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) return true
  // HTTP/2 needs no header to send a body.
  const { stream } = request as { stream?: { readonly endAfterHeaders?: boolean } }
  return stream?.endAfterHeaders === false
}
