/** How one attempt failed. */
export interface FailedAttempt {
  /** Not a byte was sent: no connection, or the pool was closing. */
  readonly neverSent: boolean
  /** Attempts begun so far, this one included. */
  readonly attempts: number
  /** Of those, the ones whose request may have reached somebody. */
  readonly sent: number
}

export interface RetryRules {
  readonly idempotent: boolean
  /** Further attempts after one that may have been sent. */
  readonly retry: number
}

/** Addresses tried in vain before a call gives up: a whole dead subnet must not cost a minute. */
const MAX_CONNECTION_ATTEMPTS = 5

/**
 * Whether another attempt may be made. One that was never sent is always safe to repeat elsewhere; one that may have
 * arrived only where a second arrival does no harm.
 */
export function mayRetry(rules: RetryRules, { neverSent, attempts, sent }: FailedAttempt): boolean {
  if (neverSent) return attempts - sent < MAX_CONNECTION_ATTEMPTS
  return rules.idempotent && sent <= rules.retry
}
