import type { CircuitBreakerPolicy } from 'cockatiel'
import { SidecarError } from '../errors.js'
import { outcomeOfAbort } from './retry.js'

/** When a circuit opens, and for how long. */
export interface BreakerOptions {
  /** Failed calls in a row that open the circuit: no answer in time, no connection, or 5xx. @default 10 */
  readonly failures?: number | undefined
  /** How long an open circuit refuses calls before one is let through to try, in ms. @default 10000 */
  readonly openForMs?: number | undefined
}

/**
 * Refuses calls of a service that has failed many times in a row, so that callers fail fast and it can recover. The
 * circuit is cockatiel's, loaded by the first call that needs it.
 */
export class Breaker {
  private policy: Promise<CircuitBreakerPolicy> | undefined

  constructor(private readonly options: BreakerOptions) {}

  /** @param refused makes the error of a call that an open circuit stops */
  async execute<T>(call: () => Promise<T>, refused: () => SidecarError): Promise<T> {
    const policy = await (this.policy ??= load(this.options))
    try {
      return await policy.execute(call)
    } catch (error) {
      throw (error as { isBrokenCircuitError?: boolean } | null)?.isBrokenCircuitError ? refused() : error
    }
  }
}

async function load({ failures = 10, openForMs = 10_000 }: BreakerOptions): Promise<CircuitBreakerPolicy> {
  const { circuitBreaker, ConsecutiveBreaker, handleWhen } = await import('cockatiel')
  return circuitBreaker(handleWhen(isServiceFailure), {
    halfOpenAfter: openForMs,
    breaker: new ConsecutiveBreaker(failures),
  })
}

/** A caller's own mistake or abort proves nothing about the service, and neither does a 404. */
function isServiceFailure(error: Error): boolean {
  if (!(error instanceof SidecarError)) return false
  const { code, status } = error as SidecarError & { readonly status?: number }
  if (code === 'SIDECAR_CALL_STATUS') return status !== undefined && status >= 500
  if (code === 'SIDECAR_CALL_ABORTED') return outcomeOfAbort(error.cause) === 'failed'
  return code === 'SIDECAR_CALL_FAILED' || code === 'SIDECAR_CALL_TIMEOUT'
}
