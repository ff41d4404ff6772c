import type { Logger } from '../../logger.js'
import type { ConnectionOptions } from '../../settings/connection.js'
import type { AddressSource } from '../address-source.js'
import type { RequestLimiter } from '../request-limiter.js'
import type { SessionCredentials } from './session.js'

export interface GrpcLinkOptions extends ConnectionOptions, SessionCredentials, Partial<LinkLimits> {
  readonly logger: Logger
  /** Where the addresses come from. @default `addresses` */
  readonly source?: AddressSource
  /**
   * Limits attempts to connect, together with an HTTP transport to the same cluster. @default none but `minAttemptMs`
   */
  readonly limiter?: RequestLimiter
  /** One gRPC port for every address, instead of HTTP port + offset. */
  readonly grpcPort?: number
  /** gRPC port = HTTP port + this. @default 1000 */
  readonly grpcPortOffset?: number
  /** The link is optional: a failed connection is not logged as a warning. @default false */
  readonly quiet?: boolean
  /** What Nacos files the connection under; only `naming` ones can register. @default 'naming' */
  readonly module?: 'naming' | 'config'
}

export interface LinkLimits {
  /** Deadline of one attempt to connect. @default 3000 */
  readonly connectTimeoutMs: number
  /** Silence after which the server is asked for a sign of life. @default 1000 */
  readonly livenessIntervalMs: number
  /**
   * Silence after that which ends the connection: with the interval, how long a half-open one goes unnoticed. @default
   * 800
   */
  readonly livenessTimeoutMs: number
  /** Every subscription is made sure of about this often, in case a push was lost. @default 60000 */
  readonly verifyIntervalMs: number
  /** Least time between two attempts to connect. @default 1000 */
  readonly minAttemptMs: number
  /** Longest time between two attempts to connect. @default 4000 */
  readonly maxBackoffMs: number
  /** Cap on one message either way, in bytes. @default 10485760 */
  readonly maxMessageBytes: number
}

export function limitsOf(options: Partial<LinkLimits>): LinkLimits {
  return {
    connectTimeoutMs: options.connectTimeoutMs ?? 3_000,
    livenessIntervalMs: options.livenessIntervalMs ?? 1_000,
    livenessTimeoutMs: options.livenessTimeoutMs ?? 800,
    verifyIntervalMs: options.verifyIntervalMs ?? 60_000,
    minAttemptMs: options.minAttemptMs ?? 1_000,
    maxBackoffMs: options.maxBackoffMs ?? 4_000,
    maxMessageBytes: options.maxMessageBytes ?? 10 * 1024 * 1024,
  }
}
