/** The limit of RabbitMQ 4: `max_message_size`. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * The option `maxBytes` of what sends and takes messages.
 *
 * @param invalid makes the error for a wrong one
 */
export function largestBody(maxBytes: number | undefined, invalid: (why: string) => Error): number {
  if (maxBytes === undefined) return MAX_BYTES
  if (typeof maxBytes !== 'number' || !(maxBytes > 0)) throw invalid('maxBytes: expected a number of bytes above 0')
  return maxBytes
}

/** @param what such as `the event` @returns why a body is not accepted; `undefined` for one that is */
export function tooLarge(what: string, { byteLength }: Uint8Array, maxBytes: number): string | undefined {
  if (byteLength <= maxBytes) return undefined
  return `${what} has ${byteLength} bytes, the limit is ${maxBytes} (option maxBytes)`
}
