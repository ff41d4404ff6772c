import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TokenSources } from '../auth/token.js'
import type { CallRuntime } from '../calls/runtime.js'
import type { Target } from '../calls/target.js'
import type { SidecarError } from '../errors.js'
import type { ProxyOptions } from './options.js'
import type { ParsedBody } from './request-body.js'
import type { RequestHeaderRules } from './request-headers.js'
import type { RawHeaders } from './response-headers.js'
import type { TargetPath } from './target-path.js'

/** What all requests of one gateway line share. */
export interface Line {
  readonly service: string
  readonly runtime: CallRuntime
  readonly target: Target
  readonly options: ProxyOptions
  readonly headerRules: RequestHeaderRules
  /** Until the response begins; `Infinity` for no limit. */
  readonly timeoutMs: number
  /** Of a silence in it. */
  readonly idleTimeoutMs: number
  readonly tokens: TokenSources
  /** Hears of what the service gave no response to. */
  onFailed(status: number, error: SidecarError): void
}

/** A request as its framework hands it over. */
export interface Passed {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The target below the prefix; `undefined` for one that names no path. */
  readonly target: TargetPath | undefined
  /** Taken from the path. */
  readonly prefix: string
  /** The path ends with the prefix: `/users`, and not `/users/`. */
  readonly bare: boolean
  readonly parsed: ParsedBody
  /** Takes the connection over with an upgrade; absent for any other request. */
  readonly upgrade?: ((socket: Duplex, status: number, headers: RawHeaders) => void) | undefined
}
