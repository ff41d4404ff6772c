import { isObject } from '../util/is-object.js'

/** What a verifier made of a token: it permits the request, does not, or the token itself is bad. */
export type Verdict = 'allowed' | 'refused' | 'unauthenticated'

/** An answer without a decision: the auth service counts as down. The message describes the answer. */
export class InvalidAuthResponse extends Error {
  override readonly name = 'InvalidAuthResponse'
}

const PERMITS = ['hasPermission', 'has_permission', 'allowed', 'permit'] as const

/**
 * Reads the central auth service's answer. A refusal anywhere in it outweighs a permission anywhere else, so
 * `{ code: 200, data: false }` is a refusal: the call succeeded, the permission is denied.
 *
 * @throws InvalidAuthResponse for 5xx, redirects and garbage.
 */
export function parseAuthResponse(status: number, body: string): Verdict {
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'refused'
  if (status < 200 || status > 299) throw new InvalidAuthResponse(`it answered ${status}`)

  const answer = parseObject(body)
  if (!answer) throw new InvalidAuthResponse(`it answered ${status} without a JSON object`)
  const code = Number(own(answer, 'code') ?? Number.NaN)
  const data = own(answer, 'data')

  if (code === 401) return 'unauthenticated'
  if (code === 403) return 'refused'
  if (code >= 500 && code <= 599) throw new InvalidAuthResponse(`it answered code ${code}`)
  const permission = permissionOf(data)
  if (permission !== undefined) return permission ? 'allowed' : 'refused'
  if (code === 200) return 'allowed'
  // Another business code is a refusal of the service's own kind.
  if (Number.isInteger(code) && code !== 0) return 'refused'
  throw new InvalidAuthResponse(`it answered ${status} with neither a permission in data nor a code`)
}

/** `undefined` if `data` holds no permission. */
function permissionOf(data: unknown): boolean | undefined {
  if (data === true) return true
  if (data === false || data === 0 || data === 'false') return false
  if (typeof data !== 'object' || data === null) return undefined
  const permissions = PERMITS.filter((name) => Object.hasOwn(data, name)).map((name) => own(data, name) === true)
  return permissions.length === 0 ? undefined : permissions.every(Boolean)
}

function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined
}

function parseObject(body: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
