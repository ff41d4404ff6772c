import { unlessAborted } from '../../util/unless-aborted.js'
import { linkSignals } from '../../util/deadline.js'
import type { Detection } from './detection.js'
import type { Dialect, Operation } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import type { Exchange, SendHow } from './exchange.js'
import { isFailure } from './failure.js'

/**
 * Does what `make` says in the dialect of the server; once more in another one if the server has changed its API.
 * `undefined` where the dialect has no such operation.
 */
export type Perform = <T>(
  make: (dialect: Dialect) => Operation<T> | undefined,
  how?: Partial<SendHow>,
) => Promise<T | undefined>

export interface PerformOptions {
  readonly detection: Detection
  readonly exchange: Exchange
  /** Of a request that says nothing else. */
  readonly timeoutMs: number
  readonly closed: AbortSignal
  /** Makes the error of the transport. `hint`: what the dialect advises where it is denied. */
  failed(what: string, error: unknown, hint?: string): Error
}

export function createPerform({ detection, exchange, timeoutMs, closed, failed }: PerformOptions): Perform {
  async function inDialect<T>(
    make: (dialect: Dialect) => Operation<T> | undefined,
    how: SendHow,
  ): Promise<T | undefined> {
    const send = async (dialect: Dialect) => {
      const operation = make(dialect)
      return operation && exchange(operation, how)
    }
    const dialect = await detection.get()
    try {
      return await send(dialect)
    } catch (error) {
      if (!isFailure(error, 'no-route')) throw error
      const other = await detection.again(dialect)
      if (other === dialect) throw error
      return send(other)
    }
  }

  return async (make, how = {}) => {
    const { signal, unlink } = linkSignals(closed, how.signal)
    try {
      // The caller's signal ends its own wait at once; what is shared with others (a login, a probe) goes on.
      return await unlessAborted(inDialect(make, { timeoutMs, ...how, signal }), signal)
    } catch (error) {
      const hint = isFailure(error, 'denied') ? make(detection.current ?? v1)?.hint : undefined
      throw failed(make(v1)!.what, error, hint)
    } finally {
      unlink()
    }
  }
}
