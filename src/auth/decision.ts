/** What the guard has to say of one request. */
export type GuardDecision =
  | { readonly allowed: true; readonly token?: string }
  | { readonly allowed: false; readonly status: 401 | 403 | 503; readonly body: { code: number; message: string } }

export type Refusal = Extract<GuardDecision, { allowed: false }>

const refusal = (status: Refusal['status'], message: string): Refusal =>
  Object.freeze({ allowed: false, status, body: Object.freeze({ code: status, message }) })

/** Shared and frozen: a refusal allocates nothing and says nothing about the token it refuses. */
export const OPEN: GuardDecision = Object.freeze({ allowed: true })
export const NO_TOKEN = refusal(401, 'A token is required: send Authorization: Bearer <token>')
export const BAD_TOKEN = refusal(401, 'The token is not valid')
export const REFUSED = refusal(403, 'The token does not permit this request')
export const UNAVAILABLE = refusal(503, 'The auth service is not available, try again later')

/** Headers that go with a refusal. Nobody may keep one: the next token may do better. */
export function refusalHeaders(refused: Refusal): Record<string, string> {
  return refused.status === 401
    ? { 'cache-control': 'no-store', 'www-authenticate': 'Bearer' }
    : { 'cache-control': 'no-store' }
}
