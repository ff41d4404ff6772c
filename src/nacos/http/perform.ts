import { unlessAborted } from '../../util/unless-aborted.js'
import { linkSignals } from '../../util/deadline.js'
import type { Choice, Verb } from './choice.js'
import type { Detection } from './detection.js'
import { isNoRoute, saysNothing } from './dialects/answers.js'
import type { Dialect, Operation } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import type { Exchange, SendHow } from './exchange.js'
import { isFailure, RequestFailure, type FailureKind } from './failure.js'
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
      if (!isFailure(error, 'no-route')) {
        if (mayBeOfAnother(error)) detection.doubt(spoken)
        throw error
      }
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
    const read = readOnce(operation)
    const instead = (response: WireResponse): Operation<T> | undefined => {
      const failure = read.failure(response)
      if (!failure) return undefined
      const silent = saysNothing(response)
      // An error may have come after the deed, and a limit is not to be met with another request.
      if (!silent && (operation.idempotent === false || (failure.kind === 'throttled' && choice.works(verb)))) {
        return undefined
      }
      return {
        ...other,
        decode(second) {
          try {
            const result = other.decode(second)
            choice.without(verb, failure.kind === 'no-route' ? 'absent' : 'refused')
            return result
          } catch (error) {
            throw silent ? error : failure
          }
        },
      }
    }
    return {
      ...operation,
      instead,
      decode: proving(verb, read.decode),
      ...(other.hint !== undefined && { hint: other.hint }),
    }
  }

  /** The other API cannot do it at all: then the answer is that there is no such operation. */
  function withNone<T>(verb: Verb, operation: Operation<T>): Operation<T | undefined> {
    const decode = proving(verb, operation.decode)
    return {
      ...operation,
      instead: undefined,
      decode(response) {
        if (isDenial(response)) return decode(response)
        if (!saysNothing(response)) {
          if (choice.works(verb)) return decode(response)
          try {
            return decode(response)
          } catch {
            choice.without(verb, 'refused')
            return undefined
          }
        }
        choice.without(verb, isNoRoute(response) ? 'absent' : 'refused')
        return undefined
      },
    }
  }

  /** What v1 has done once is not taken from it by one error. */
  const proving =
    <T>(verb: Verb, decode: (response: WireResponse) => T) =>
    (response: WireResponse): T => {
      const result = decode(response)
      choice.with(verb)
      return result
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

/** An answer came, though perhaps not from an API that this server still has. */
const OF_ANOTHER: readonly FailureKind[] = ['denied', 'status', 'redirect', 'page', 'throttled', 'malformed', 'refused']

function mayBeOfAnother(error: unknown): boolean {
  return error instanceof RequestFailure && OF_ANOTHER.includes(error.kind)
}

/** Reads an answer no more than once, however often it is looked at: a list may hold ten thousand instances. */
function readOnce<T>({ decode }: Operation<T>) {
  let of: WireResponse | undefined
  let result: { value: T } | { failure: RequestFailure } | undefined
  const read = (response: WireResponse) => {
    if (of !== response) result = undefined
    of = response
    return (result ??= outcome(() => decode(response)))
  }
  return {
    failure(response: WireResponse): RequestFailure | undefined {
      const seen = read(response)
      return 'failure' in seen ? seen.failure : undefined
    },
    decode(response: WireResponse): T {
      const seen = read(response)
      of = result = undefined
      if ('failure' in seen) throw seen.failure
      return seen.value
    },
  }
}

function outcome<T>(decode: () => T): { value: T } | { failure: RequestFailure } {
  try {
    return { value: decode() }
  } catch (error) {
    return {
      failure: error instanceof RequestFailure ? error : new RequestFailure('malformed', 'the answer cannot be read'),
    }
  }
}
