/** What an operation is: a request served, a call, a look-up of a service, a request for a document, a check of a token, a run of a timer, an event that was emitted or handled, a request that came by messages, or one of the app's own. */
export type OperationKind = 'server' | 'client' | 'resolve' | 'config' | 'auth' | 'timer' | 'event' | 'rpc' | 'custom'

export const OPERATION_KINDS: readonly OperationKind[] = [
  'server',
  'client',
  'resolve',
  'config',
  'auth',
  'timer',
  'event',
  'rpc',
  'custom',
]

/** What became of one operation. `status` and `code` are read always; the other facts at most once, and only while a sample is still wanted. */
export interface OperationOutcome {
  readonly failed: boolean
  /** Requests that it took; more than 1 where it was sent again. @default 1 */
  readonly attempts?: number | undefined
  /** HTTP status; 0 and `undefined` where there is none. */
  readonly status?: number | undefined
  /** Code of the error. */
  readonly code?: string | undefined
  /** `host:port` that did the work. */
  readonly instance?: string | undefined
  /** W3C trace context that it belongs to. */
  readonly traceparent?: string | undefined
  /** Of its span, where it has one; else that of `traceparent` is taken. */
  readonly traceId?: string | undefined
  /** Further facts, as the app names them. */
  readonly tags?: Readonly<Record<string, unknown>> | undefined
}

/** One operation as an example. Holds no payload, query, header or secret; texts are cut at `sidecar.observe.max-tag-length`. */
export interface OperationSample {
  /** When it ended. */
  readonly at: Date
  /** Milliseconds. */
  readonly ms: number
  /** 32 hex digits, where the operation belongs to a trace. */
  readonly traceId?: string
  /** `host:port`. */
  readonly instance?: string
  /** HTTP status, where there was an answer. */
  readonly status?: number
  /** Code of the error, where there was one. */
  readonly code?: string
  /** Of an operation that was sent more than once. */
  readonly attempts?: number
  /** Of the app's own operations. */
  readonly tags?: Readonly<Record<string, string>>
}

/** The figures of one operation. Times are milliseconds. */
export interface OperationStats {
  readonly kind: OperationKind
  /** Of few values by construction: `GET /users/:id`, `GET user-service/users/{id}`, `resolve user-service`. */
  readonly name: string
  readonly count: number
  /** Of those, the ones that failed. */
  readonly errors: number
  /** Requests that they took: more than `count` where some were sent again. */
  readonly attempts: number
  readonly min: number
  readonly max: number
  /** Of all together. */
  readonly total: number
  /** Half took no longer; within 1.6 % of the exact value. */
  readonly p50: number
  /** 99 of 100 took no longer; within 1.6 % of the exact value. */
  readonly p99: number
  /** The first ones that did not fail (`sidecar.observe.max-samples`). */
  readonly samples: readonly OperationSample[]
  /** The first ones that failed (`sidecar.observe.max-errors`). */
  readonly errorSamples: readonly OperationSample[]
}

/** The figures of a time. */
export interface StatsPeriod {
  readonly from: Date
  readonly to: Date
  /** Those that ran in it. */
  readonly operations: readonly OperationStats[]
}
