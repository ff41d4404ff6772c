import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import { tokenRefusal } from '../auth.js'
import type { Auth } from '../auth.js'
import { paramFault } from '../param-check.js'
import type { Connection } from './connection.js'
import type { GrpcHandlers } from './handlers.js'
import { ErrorCode, GrpcRefusal, failure, messageIn, parseMessage, success, textOf } from './message.js'
import type { Message } from './message.js'
import type { Payload } from './payload.js'
import type { Generation } from '../naming-view.js'

export interface DispatchOptions {
  readonly handlers: GrpcHandlers
  readonly auth: Auth
  readonly logger: Logger
  readonly generation: Generation
}

/** The client: its socket, and the connection that was set up on it, if any. */
export interface Caller {
  readonly connectionId: string
  readonly connection: Connection | undefined
}

export interface Answer {
  readonly type: string
  readonly message: Message
}

/** From a request to its answer, with the refusals that come before any handler, in Nacos's order. */
export function createDispatch(options: DispatchOptions): (request: Payload, caller: Caller) => Answer {
  const { auth, logger, generation } = options
  const handlers = new Map(Object.entries(options.handlers))
  const negotiates = generation === 3 ? { supportAbilityNegotiation: true } : {}

  return ({ type, headers, body }, { connectionId, connection }) => {
    if (type === 'ServerCheckRequest') {
      return { type: 'ServerCheckResponse', message: success({ connectionId, ...negotiates }) }
    }
    const handler = handlers.get(type)
    if (!handler) return errorResponse(ErrorCode.NO_HANDLER, 'RequestHandler Not Found')
    if (!connection) return errorResponse(ErrorCode.UN_REGISTER, 'Connection is unregistered.')
    connection.touch()
    try {
      const message = parseMessage(body)
      if (auth.enabled && !handler.open) {
        const state = auth.check(tokenOf(headers) ?? tokenOf(messageIn(message, 'headers') ?? {}))
        if (state !== 'ok') {
          const why = tokenRefusal(state, generation)
          return { type: handler.answers, message: failure(ErrorCode.NO_RIGHT, why) }
        }
      }
      for (const named of handler.named?.(message) ?? []) {
        const fault = paramFault(named)
        if (fault) {
          return { type: handler.answers, message: failure(ErrorCode.INVALID_PARAM, `Param check invalid:${fault}`) }
        }
      }
      return { type: handler.answers, message: handler.handle({ type, body: message, connection }) }
    } catch (error) {
      if (error instanceof GrpcRefusal) return errorResponse(error.errorCode, error.message)
      logger.error(`${type} failed in the embedded registry: ${messageOf(error)}`)
      return errorResponse(ErrorCode.SERVER_ERROR, 'Server failed')
    }
  }
}

function errorResponse(errorCode: number, message: string): Answer {
  return { type: 'ErrorResponse', message: failure(errorCode, message) }
}

function tokenOf(headers: Message): string | undefined {
  const bearer = /^Bearer (.+)$/.exec(textOf(headers, 'Authorization'))?.[1]
  return bearer ?? (textOf(headers, 'accessToken') || undefined)
}
