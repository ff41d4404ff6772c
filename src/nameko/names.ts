import { SidecarError } from '../errors.js'

/** Of names in AMQP. */
const MAX_BYTES = 255

/** Milliseconds that Nameko keeps a queue of replies without its consumer. */
export const REPLY_QUEUE_TTL_MS = 300_000

export const requestQueueOf = (service: string) => `rpc-${service}`
export const replyQueueOf = (service: string, id: string) => `rpc.reply-${service}-${id}`
export const routingKeyOf = (service: string, method: string) => `${service}.${method}`

/** What every message of Nameko has. */
export const JSON_MESSAGE = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  deliveryMode: 2,
  priority: 0,
} as const

export const invalid = (where: string, why: string) => new SidecarError('SIDECAR_NAMEKO_INVALID', `${where}: ${why}`)

/** @throws SidecarError `SIDECAR_NAMEKO_INVALID` */
export function checkName(where: string, what: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalid(where, `${what} is text that is not empty`)

  if (/[\u0000-\u001f\u007f*#]/.test(value)) throw invalid(where, `${what} has control characters, * or #`)
  // With what stands around it, and the id of a queue of replies.
  if (Buffer.byteLength(value) > MAX_BYTES - 50) throw invalid(where, `${what} has more than ${MAX_BYTES - 50} bytes`)
  return value
}

/** @throws SidecarError `SIDECAR_NAMEKO_INVALID` */
export function checkMethod(where: string, value: unknown): string {
  const method = checkName(where, 'a method', value)
  if (method.includes('.'))
    throw invalid(where, `the method "${method}" has a dot, which separates it from its service`)
  return method
}
