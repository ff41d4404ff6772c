/** A body, as JSON holds it. */
export type Message = Readonly<Record<string, unknown>>

/** What went wrong, by Nacos's numbers. */
export const ErrorCode = {
  /** The document does not exist. */
  CONFIG_NOT_FOUND: 300,
  /** A request on a connection that was never set up, or is no more. */
  UN_REGISTER: 301,
  /** No such request type. */
  NO_HANDLER: 302,
  INVALID_PARAM: 400,
  NO_RIGHT: 403,
  SERVER_ERROR: 500,
  UNSUPPORTED: 501,
  /** A body that cannot be read. */
  BAD_GATEWAY: 502,
} as const

/** Ends the handling of a request with an `ErrorResponse`. */
export class GrpcRefusal extends Error {
  constructor(
    readonly errorCode: number,
    message: string,
  ) {
    super(message)
  }
}

export function success(fields: Message = {}): Message {
  return { resultCode: 200, errorCode: 0, ...fields, success: true }
}

export function failure(errorCode: number, message: string, fields: Message = {}): Message {
  return { resultCode: 500, errorCode, message, ...fields, success: false }
}

/** @throws GrpcRefusal where the bytes hold no JSON object. */
export function parseMessage(bytes: Buffer): Message {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (isMessage(value)) return value
  } catch {
    // Said below, without quoting what was sent.
  }
  throw new GrpcRefusal(ErrorCode.BAD_GATEWAY, 'Invalid request')
}

/** A field as text; '' where it is absent or no scalar. */
export function textOf(message: Message, name: string): string {
  const value = message[name]
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

export function flagOf(message: Message, name: string, fallback: boolean): boolean {
  const value = message[name]
  return typeof value === 'boolean' ? value : typeof value === 'string' ? value === 'true' : fallback
}

export function messageIn(message: Message, name: string): Message | undefined {
  const value = message[name]
  return isMessage(value) ? value : undefined
}

export function messagesIn(message: Message, name: string): Message[] {
  const value = message[name]
  return Array.isArray(value) ? value.filter(isMessage) : []
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
