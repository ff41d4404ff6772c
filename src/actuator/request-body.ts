import type { IncomingMessage } from 'node:http'

const MAX_BYTES = 10_000

/**
 * The JSON of a request; `undefined` where it is none, or too large.
 *
 * @param parsed what a body parser of the app has made of it
 */
export async function readJson(request: IncomingMessage, parsed: unknown): Promise<unknown> {
  // Express 4 gives an empty object to a request that its parser has not read.
  if (request.readableDidRead) return parsed
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MAX_BYTES) return undefined
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString() || '{}') as unknown
  } catch {
    return undefined
  }
}
