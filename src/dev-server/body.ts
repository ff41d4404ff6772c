import type { IncomingMessage } from 'node:http'

/** Parameters of a request: the query first, then the form; first value wins, as in a servlet. */
export interface Params {
  get(name: string): string | undefined
}

export class BodyTooLarge extends Error {}

/**
 * Reads a form. A form over `formBytes` has no parameters, as on Tomcat; it is read to its end and thrown away, so
 * that the client gets its answer. Over `hardBytes` the request is refused.
 */
export async function readParams(
  request: IncomingMessage,
  query: URLSearchParams,
  limits: { formBytes: number; hardBytes: number },
): Promise<Params> {
  if (Number(request.headers['content-length'] ?? 0) > limits.hardBytes) throw new BodyTooLarge()
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')
  let chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop must not destroy the socket: the refusal still goes out on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limits.hardBytes) throw new BodyTooLarge()
    if (!isForm || bytes > limits.formBytes) chunks = []
    else chunks.push(chunk)
  }
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
  return { get: (name) => query.get(name) ?? form.get(name) ?? undefined }
}
