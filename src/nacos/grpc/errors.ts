import { SidecarError, messageOf, type SidecarErrorCode } from '../../errors.js'

/** Error codes of the Nacos protocol that a client acts upon. */
export const ErrorCode = {
  CONFIG_NOT_FOUND: 300,
  CONNECTION_UNREGISTERED: 301,
  NO_HANDLER: 302,
  NO_RIGHT: 403,
} as const

/** The server answered, and the answer is no. */
export class AnswerError extends SidecarError {
  constructor(
    code: SidecarErrorCode,
    message: string,
    /** Nacos's own number, see `ErrorCode`. */
    readonly errorCode: number,
  ) {
    super(code, message)
  }
}

export function answerError(request: string, server: string, errorCode: number, why: string): AnswerError {
  const where = `Nacos ${server} refused ${request} (error ${errorCode}: ${why || 'no reason given'})`
  switch (errorCode) {
    case ErrorCode.NO_HANDLER:
      return new AnswerError(
        'SIDECAR_REGISTRY_UNSUPPORTED',
        `${where}: this server cannot do it over gRPC; use cloud.nacos.transport: http`,
        errorCode,
      )
    case ErrorCode.NO_RIGHT:
      return new AnswerError(
        'SIDECAR_REGISTRY_REFUSED',
        `${where}: check username, password or keys, and their permissions in this namespace`,
        errorCode,
      )
    case ErrorCode.CONNECTION_UNREGISTERED:
      return new AnswerError('SIDECAR_REGISTRY_UNAVAILABLE', `${where}: connecting again`, errorCode)
    default:
      return new AnswerError('SIDECAR_REGISTRY_REFUSED', where, errorCode)
  }
}

/** The server did not answer, or the connection to it is gone. */
export function unavailable(what: string, server: string, cause: unknown): SidecarError {
  return new SidecarError('SIDECAR_REGISTRY_UNAVAILABLE', `${what} on Nacos ${server} (gRPC): ${messageOf(cause)}`, {
    cause,
  })
}

/** The server answered something that is not the protocol. */
export function badAnswer(what: string, server: string, why: string): SidecarError {
  return new SidecarError(
    'SIDECAR_REGISTRY_ANSWER',
    `${what} on Nacos ${server} (gRPC): ${why}; is this port a Nacos gRPC port?`,
  )
}

/** True where another try on a fresh connection may go better, and nothing was decided by the server. */
export function isConnectionLoss(error: unknown): boolean {
  return error instanceof SidecarError && error.code === 'SIDECAR_REGISTRY_UNAVAILABLE'
}

/** True if the server did not process the request. */
export function isUnregistered(error: unknown): boolean {
  return error instanceof AnswerError && error.errorCode === ErrorCode.CONNECTION_UNREGISTERED
}
