import type { IncomingMessage, ServerResponse } from 'node:http'
import { anyCodeOf, codeOf, fieldOf, reasonOf, SidecarError, type SidecarErrorCode } from '../errors.js'

/** A request that the proxy answers itself, because the service gave no response. */
export interface ProxyFailure {
  /** 400 or 501 for a request that may not be passed on, 500, 502, 503 or 504. */
  readonly status: number
  /** `SIDECAR_NO_INSTANCE`, `SIDECAR_CALL_FAILED`, `SIDECAR_CALL_TIMEOUT`, `SIDECAR_PROXY_REQUEST` …; `cause` is what happened. */
  readonly error: SidecarError
  /** Name of the service. */
  readonly service: string
  readonly request: IncomingMessage
  /** Nothing of it is sent. */
  readonly response: ServerResponse
}

/** A refusal of the request itself. */
export function refused(status: 400 | 404 | 500 | 501, why: string): ProxyRefusal {
  return new ProxyRefusal(status, why)
}

export class ProxyRefusal extends SidecarError {
  constructor(
    readonly status: number,
    why: string,
  ) {
    super('SIDECAR_PROXY_REQUEST', why)
  }
}

/** Of undici: nothing came in time. */
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

/** Of these the message is the sidecar's own; it holds no address of an instance. */
const STATUSES: Partial<Record<SidecarErrorCode, number>> = {
  SIDECAR_NO_INSTANCE: 503,
  SIDECAR_STOPPED: 503,
  SIDECAR_CALL_TIMEOUT: 503,
}

/** The status and the error of a request that has no response of the service. */
export function failureOf(service: string, error: unknown): Pick<ProxyFailure, 'status' | 'error'> {
  if (error instanceof ProxyRefusal) return { status: error.status, error }
  const name = fieldOf(error, 'name')
  const code = anyCodeOf(error) ?? ''
  if (name === 'TimeoutError' || TIMEOUTS.has(code))
    return { status: 504, error: wrapped('SIDECAR_CALL_TIMEOUT', `${service} did not answer in time`, error) }
  const own = codeOf(error)
  if (own === undefined)
    return { status: 502, error: wrapped('SIDECAR_CALL_FAILED', `${service} could not be reached`, error) }
  // The registry, mostly: what is asked for may be there again soon.
  const status = STATUSES[own] ?? (own.startsWith('SIDECAR_REGISTRY_') ? 503 : 500)
  return { status, error: error as SidecarError }
}

function wrapped(code: SidecarErrorCode, message: string, cause: unknown): SidecarError {
  return new SidecarError(code, `${message}: ${reasonOf(cause)}`, { cause })
}

/** What the client is told: no name, no address, nothing of the registry. In the shape of the guard's refusals. */
export function bodyOf(status: number, error: SidecarError): object {
  return { code: status, message: error instanceof ProxyRefusal ? error.message : MESSAGES[status], error: error.code }
}

const MESSAGES: Readonly<Record<number, string>> = {
  500: 'The request could not be passed on',
  502: 'The service gave no response that could be used',
  503: 'The service is not available, try again later',
  504: 'The service did not answer in time',
}
