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

/** The answers by which a server, or a proxy before it, says that it did not do the work: another one may. */
export function isRetryableStatus(status: number): boolean {
  return status === 503 || status === 502 || status === 504
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])

/** @param retry further attempts of idempotent requests */
export function rulesFor(verb: string | undefined, retry = 1): RetryRules {
  const idempotent = IDEMPOTENT.has((verb ?? 'GET').toUpperCase())
  return { idempotent, retry: idempotent ? retry : 0 }
}

/**
 * How a call that its caller ended speaks of the instance: a signal that ran out of time (`AbortSignal.timeout`) says
 * that there was no answer, any other says nothing.
 */
export function outcomeOfAbort(reason: unknown): 'failed' | 'aborted' {
  return (reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError' ? 'failed' : 'aborted'
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
