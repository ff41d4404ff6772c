import type { IncomingMessage } from 'node:http'
import { looksLikePreflight } from '../util/preflight.js'
import { methodsOf } from './method.js'

/** Load balancers and kubelets request it without a token. Exact: what lies below is the app's own. */
const HEALTH = /^\/(?:health|actuator\/health(?:\/(?:liveness|readiness))?)(?:\?|$)/

/** Whether this is a GET or HEAD of a health page, with a query or without. */
export function isHealthRequest(method: string | undefined, target: string): boolean {
  // Asked for each request, of which nearly all need no regular expression.
  if (!target.startsWith('/health') && !target.startsWith('/actuator/health')) return false
  return (method === 'GET' || method === 'HEAD') && HEALTH.test(target)
}

/**
 * The same target below `/actuator`, where it is a health page below another path.
 *
 * @param basePath `management.endpoints.web.base-path`
 * @example usualHealthTarget('/manage/health/liveness', '/manage') // '/actuator/health/liveness'
 */
export function usualHealthTarget(target: string, basePath: string): string {
  if (basePath === '' || basePath === '/actuator' || !target.startsWith(`${basePath}/health`)) return target
  return `/actuator${target.slice(basePath.length)}`
}

/**
 * Whether this is a health page, and surely runs as GET: a method override could make something else of it behind the
 * guard.
 */
export function isUnguardedHealth(request: IncomingMessage, target: string, basePath: string): boolean {
  return isHealthRequest(request.method, usualHealthTarget(target, basePath)) && methodsOf(request, target) === 'GET'
}

/**
 * A CORS preflight: before a request, a browser sends OPTIONS without a token. It names the origin (`Origin`) and the
 * method. To pass without a token it must have no body, no protocol upgrade and no method override. Handlers for every
 * method (`app.all`, `app.use`) do receive preflights.
 */
export function isUnguardedPreflight(request: IncomingMessage, target: string): boolean {
  if (!looksLikePreflight(request) || request.headers.upgrade !== undefined) return false
  return !hasBody(request) && methodsOf(request, target) === 'OPTIONS'
}

function hasBody(request: IncomingMessage): boolean {
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) return true
  // HTTP/2 needs no header to send a body.
  const { stream } = request as { stream?: { readonly endAfterHeaders?: boolean } }
  return stream?.endAfterHeaders === false
}
