import type { NamedParams } from '../param-check.js'
import type { Connection } from './connection.js'
import type { Message } from './message.js'

/** A request as a handler sees it. */
export interface GrpcCall {
  readonly type: string
  readonly body: Message
  readonly connection: Connection
}

export interface GrpcHandler {
  /** Type word of the answer. */
  readonly answers: string
  /** Needs no token. */
  readonly open?: boolean
  /** What is checked before the request is handled, as for HTTP. */
  readonly named?: (body: Message) => readonly NamedParams[]
  /** @throws GrpcRefusal */
  handle(call: GrpcCall): Message
}

/** Request type to its handler. */
export type GrpcHandlers = Readonly<Record<string, GrpcHandler>>
