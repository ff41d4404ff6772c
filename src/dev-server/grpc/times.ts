/** Times of the gRPC side in milliseconds. */
export interface GrpcTimes {
  /** From a change to its push; changes within it go out as one. Nacos takes 500. @default 1 */
  readonly pushDelayMs: number
  /** For a client to acknowledge a push. @default 5000, as Nacos */
  readonly ackTimeoutMs: number
  /** From a push that was not acknowledged to the next attempt. @default 1000, as Nacos */
  readonly resendDelayMs: number
  /** Further attempts before a push is given up; the next change is pushed all the same. @default 3 */
  readonly resends: number
  /** Silence after which a connection is asked whether it lives. @default 20000, as Nacos */
  readonly silentAfterMs: number
  /** For its answer; without one the connection is closed and its instances are gone. @default 1000, as Nacos */
  readonly detectionTimeoutMs: number
  /** A connection without a stream is closed this long after its last call, or after its start. @default 10000 */
  readonly setUpWithinMs: number
}

export const GRPC_TIMES: GrpcTimes = {
  pushDelayMs: 1,
  ackTimeoutMs: 5_000,
  resendDelayMs: 1_000,
  resends: 3,
  silentAfterMs: 20_000,
  detectionTimeoutMs: 1_000,
  setUpWithinMs: 10_000,
}
