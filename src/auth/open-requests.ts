import type { IncomingMessage } from 'node:http'

/** Asked by load balancers and kubelets, which have no token. Exact: what lies below is the app's own. */
const HEALTH = /^\/(?:health|actuator\/health(?:\/(?:liveness|readiness))?)(?:\?|$)/

const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'] as const

/** Whether this is a GET or HEAD of a health page, with a query or without. */
export function isHealthRequest(method: string | undefined, target: string): boolean {
  return (method === 'GET' || method === 'HEAD') && HEALTH.test(target)
}

/**
 * A browser asks with OPTIONS, and without a token, before it sends one (CORS preflight). Such a request has no body
 * and means what it says: one that a middleware behind the guard would turn into another method is not open.
 * Handlers for every method (`app.all`, `app.use`) do see open OPTIONS requests.
 */
export function isOpenOptions(request: IncomingMessage): boolean {
  if (request.method !== 'OPTIONS') return false
  const { headers, url } = request
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) return false
  return !OVERRIDES.some((name) => headers[name] !== undefined) && !/[?&](?:_|%5f)method/i.test(url ?? '')
}
