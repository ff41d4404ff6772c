import { unlessAborted } from '../../util/unless-aborted.js'
import { linkSignals } from '../../util/deadline.js'
import type { Choice, Verb } from './choice.js'
import type { Detection } from './detection.js'
import { saysNothing } from './dialects/answers.js'
import type { Dialect, Operation } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import type { Exchange, SendHow } from './exchange.js'
import { isFailure, RequestFailure } from './failure.js'
import type { WireResponse } from './wire.js'

/**
 * Does what `make` says in the dialect that does it best on this server; once more in another one if the server has
 * changed its API. `undefined` where the server has no such operation.
 */
export type Perform = <T>(
  verb: Verb,
  make: (dialect: Dialect) => Operation<T> | undefined,
  how?: Partial<SendHow>,
) => Promise<T | undefined>

export interface PerformOptions {
  readonly detection: Detection
  readonly choice: Choice
  readonly exchange: Exchange
  /** Of a request that says nothing else. */
  readonly timeoutMs: number
  readonly closed: AbortSignal
  /** Looks closer at a failure of a server that has never answered as a Nacos. */
  doubt(failure: RequestFailure): Promise<void>
  /** Makes the error of the transport. `hint`: what the dialect advises where it is denied. */
  failed(what: string, error: unknown, hint?: string): Error
}

export function createPerform({
  detection,
  choice,
  exchange,
  timeoutMs,
  closed,
  doubt,
  failed,
}: PerformOptions): Perform {
  /** The server has done something that only a Nacos does. */
  let proved = false
  type Make<T> = (dialect: Dialect) => Operation<T> | undefined

  async function inDialect<T>(verb: Verb, make: Make<T>, how: SendHow): Promise<T | undefined> {
    const spoken = await detection.get()
    try {
      return await best(verb, make, how, spoken)
    } catch (error) {
      if (!isFailure(error, 'no-route')) throw error
      const other = await detection.again(spoken)
      if (other === spoken) throw error
      return best(verb, make, how, other)
    }
  }

  async function best<T>(verb: Verb, make: Make<T>, how: SendHow, spoken: Dialect): Promise<T | undefined> {
    const [first, second] = choice.of(verb, spoken)
    const operation = make(first)
    if (!operation || !second) return operation && exchange(operation, how)
    const other = make(second)
    // The same node is asked in the other API: what is refused by this one may be let in by that one.
    if (other) return exchange(withOther(verb, operation, other), how)
    try {
      return await exchange(withNone(verb, operation), how)
    } catch (error) {
      if (!isFailure(error, 'denied')) throw error
      choice.without(verb, 'refused')
      return undefined
    }
  }

  function withOther<T>(verb: Verb, operation: Operation<T>, other: Operation<T>): Operation<T> {
    const instead = (response: WireResponse): Operation<T> | undefined => {
      if (!saysNothing(response)) return undefined
      return {
        ...other,
        decode(second) {
          const result = other.decode(second)
          choice.without(verb, isDenial(response) ? 'refused' : 'absent')
          return result
        },
      }
    }
    return { ...operation, instead, ...(other.hint !== undefined && { hint: other.hint }) }
  }

  /** The other API cannot do it at all: then the answer is that there is no such operation. */
  function withNone<T>(verb: Verb, operation: Operation<T>): Operation<T | undefined> {
    return {
      ...operation,
      instead: undefined,
      decode(response) {
        if (!saysNothing(response) || isDenial(response)) return operation.decode(response)
        choice.without(verb, 'absent')
        return undefined
      },
    }
  }

  return async (verb, make, how = {}) => {
    const { signal, unlink } = linkSignals(closed, how.signal)
    try {
      // The caller's signal ends its own wait at once; what is shared with others (a login, a probe) goes on.
      const result = await unlessAborted(inDialect(verb, make, { timeoutMs, ...how, signal }), signal)
      proved = true
      return result
    } catch (error) {
      if (!proved && error instanceof RequestFailure && !signal.aborted) await doubt(error)
      const hint = isFailure(error, 'denied') ? make(detection.current ?? v1)?.hint : undefined
      throw failed(make(v1)!.what, error, hint)
    } finally {
      unlink()
    }
  }
}

const isDenial = ({ status }: WireResponse): boolean => status === 401 || status === 403
