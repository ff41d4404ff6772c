/** The decision of the guard on one request. */
export type GuardDecision =
  | { readonly allowed: true; readonly token?: string }
  | {
      readonly allowed: false
      readonly status: 401 | 403 | 503
      readonly body: { code: number; message: string }
      /** Seconds after which it may go better: `Retry-After`. */
      readonly retryAfter?: number
    }

export type Refusal = Extract<GuardDecision, { allowed: false }>

const refusal = (status: Refusal['status'], message: string, retryAfter?: number): Refusal =>
  Object.freeze({
    allowed: false,
    status,
    body: Object.freeze({ code: status, message }),
    ...(retryAfter !== undefined && { retryAfter }),
  })

/** Shared and frozen: a refusal allocates nothing and reveals nothing about the refused token. */
export const OPEN: GuardDecision = Object.freeze({ allowed: true })
export const NO_TOKEN = refusal(401, 'A token is required: send Authorization: Bearer <token>')
export const BAD_TOKEN = refusal(401, 'The token is not valid')
export const SEVERAL_TOKENS = refusal(
  401,
  'The request holds several different tokens: send one, or let auth.token.sources say which count',
)
export const REFUSED = refusal(403, 'The token does not permit this request')
export const METHOD_UNCLEAR = refusal(403, 'The request names several methods, or none that is one: send one')
export const UNAVAILABLE = refusal(503, 'The auth service is not available, try again later')
export const BUSY = refusal(503, 'Too many tokens are being checked, try again later', 1)

/** The limit of `sidecar.around`: no refusal of the guard, answered as one. */
export const TOO_MANY = refusal(503, 'Too many requests at once, try again later', 1)

/** @param maxLength `auth.token.max-length` */
export function tooLong(maxLength: number): Refusal {
  return refusal(401, `The token is longer than auth.token.max-length permits: ${maxLength} characters`)
}

/** The answer to the sidecar's own question whether a server serves the app: only that it arrived matters. */
export const PROBED = refusal(503, 'The sidecar asks which server serves the app')

/** Headers of a refusal. It must not be cached: the next token may be valid. */
export function refusalHeaders(refused: Refusal): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' }
  if (refused.status === 401) headers['www-authenticate'] = 'Bearer'
  if (refused.retryAfter !== undefined) headers['retry-after'] = String(refused.retryAfter)
  return headers
}
