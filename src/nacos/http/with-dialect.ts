import { unlessAborted } from '../../util/unless-aborted.js'
import { linkSignals } from '../../util/deadline.js'
import type { ApiChoice, OperationName } from './api-choice.js'
import type { Detection } from './detection.js'
import { isNoRoute, isFromGateway } from './dialects/parse-response.js'
import type { Dialect, Operation } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import type { Exchange, SendOptions } from './exchange.js'
import { isFailure, RequestFailure, type FailureKind } from './failure.js'
import type { WireResponse } from './wire.js'

/**
 * Runs an operation in the API version that suits this server best; if the server has changed its API, detects it again
 * and retries once. `undefined` if the server has no such operation.
 */
export type WithDialect = <T>(
  verb: OperationName,
  make: (dialect: Dialect) => Operation<T> | undefined,
  options?: Partial<SendOptions>,
) => Promise<T | undefined>

export interface WithDialectOptions {
  readonly detection: Detection
  readonly choice: ApiChoice
  readonly exchange: Exchange
  /** Of a request without its own. */
  readonly timeoutMs: number
  readonly closed: AbortSignal
  /** Looks closer at a failure of a server that has never answered as a Nacos. */
  inspectFailure(failure: RequestFailure): Promise<void>
  /** Makes the error of the transport. `hint`: what the dialect advises where it is denied. */
  failed(what: string, error: unknown, hint?: string): Error
}

export function createWithDialect({
  detection,
  choice,
  exchange,
  timeoutMs,
  closed,
  inspectFailure,
  failed,
}: WithDialectOptions): WithDialect {
  /** The server has done something that only a Nacos does. */
  let confirmed = false
  type Make<T> = (dialect: Dialect) => Operation<T> | undefined

  async function runDetected<T>(verb: OperationName, make: Make<T>, options: SendOptions): Promise<T | undefined> {
    const spoken = await detection.get()
    try {
      return await runBest(verb, make, options, spoken)
    } catch (error) {
      if (!isFailure(error, 'no-route')) {
        if (mayBeOtherApi(error)) detection.recheck(spoken)
        throw error
      }
      const other = await detection.redetect(spoken)
      if (other === spoken) throw error
      return runBest(verb, make, options, other)
    }
  }

  async function runBest<T>(
    verb: OperationName,
    make: Make<T>,
    options: SendOptions,
    spoken: Dialect,
  ): Promise<T | undefined> {
    const [first, second] = choice.dialectsFor(verb, spoken)
    const operation = make(first)
    if (!operation || !second) return operation && exchange(operation, options)
    const other = make(second)
    // The same node is asked in the other API: what is refused by this one may be let in by that one.
    if (other) return exchange(withOther(verb, operation, other), options)
    try {
      return await exchange(withNone(verb, operation), options)
    } catch (error) {
      if (!isFailure(error, 'denied')) throw error
      choice.markUnsupported(verb, 'refused')
      return undefined
    }
  }

  function withOther<T>(verb: OperationName, operation: Operation<T>, other: Operation<T>): Operation<T> {
    const read = readOnce(operation)
    const instead = (response: WireResponse): Operation<T> | undefined => {
      const failure = read.failure(response)
      if (!failure) return undefined
      const silent = isFromGateway(response)
      // An error may have come after the deed, and a limit is not to be met with another request.
      if (!silent && (operation.idempotent === false || (failure.kind === 'throttled' && choice.isSupported(verb)))) {
        return undefined
      }
      return {
        ...other,
        decode(second) {
          try {
            const result = other.decode(second)
            choice.markUnsupported(verb, failure.kind === 'no-route' ? 'absent' : 'refused')
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
      decode: confirming(verb, read.decode),
      ...(other.hint !== undefined && { hint: other.hint }),
    }
  }

  /** The other API cannot do it at all: then the answer is that there is no such operation. */
  function withNone<T>(verb: OperationName, operation: Operation<T>): Operation<T | undefined> {
    const decode = confirming(verb, operation.decode)
    return {
      ...operation,
      instead: undefined,
      decode(response) {
        if (isDenial(response)) return decode(response)
        if (!isFromGateway(response)) {
          if (choice.isSupported(verb)) return decode(response)
          try {
            return decode(response)
          } catch {
            choice.markUnsupported(verb, 'refused')
            return undefined
          }
        }
        choice.markUnsupported(verb, isNoRoute(response) ? 'absent' : 'refused')
        return undefined
      },
    }
  }

  /** One error of v1 does not undo that it worked before. */
  const confirming =
    <T>(verb: OperationName, decode: (response: WireResponse) => T) =>
    (response: WireResponse): T => {
      const result = decode(response)
      choice.markSupported(verb)
      return result
    }

  return async (verb, make, options = {}) => {
    const { signal, unlink } = linkSignals(closed, options.signal)
    try {
      // The caller's signal ends its own wait at once; what is shared with others (a login, a probe) goes on.
      const result = await unlessAborted(runDetected(verb, make, { timeoutMs, ...options, signal }), signal)
      confirmed = true
      return result
    } catch (error) {
      if (!confirmed && error instanceof RequestFailure && !signal.aborted) await inspectFailure(error)
      const hint = isFailure(error, 'denied') ? make(detection.current ?? v1)?.hint : undefined
      throw failed(make(v1)!.what, error, hint)
    } finally {
      unlink()
    }
  }
}

const isDenial = ({ status }: WireResponse): boolean => status === 401 || status === 403

/** An answer came, though perhaps not from an API that this server still has. */
const OTHER_API_KINDS: readonly FailureKind[] = [
  'denied',
  'status',
  'redirect',
  'page',
  'throttled',
  'malformed',
  'refused',
]

function mayBeOtherApi(error: unknown): boolean {
  return error instanceof RequestFailure && OTHER_API_KINDS.includes(error.kind)
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
