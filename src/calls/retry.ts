/** The statuses by which a server, or a proxy before it, shows that it did not do the work: another one may. */
export function isRetryableStatus(status: number): boolean {
  return status === 503 || status === 502 || status === 504
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])

/**
 * Further attempts of a request that may have arrived.
 *
 * @param retry what is set for idempotent requests
 */
export function retriesOf(verb: string | undefined, retry = 1): number {
  return IDEMPOTENT.has((verb ?? 'GET').toUpperCase()) ? retry : 0
}

/**
 * What a call that its caller ended proves about the instance: a signal that ran out of time (`AbortSignal.timeout`)
 * says that there was no answer, any other says nothing.
 */
export function outcomeOfAbort(reason: unknown): 'failed' | 'aborted' {
  return (reason as { name?: unknown } | null | undefined)?.name === 'TimeoutError' ? 'failed' : 'aborted'
}
