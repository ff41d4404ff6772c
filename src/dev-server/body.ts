import type { IncomingMessage } from 'node:http'

/** Parameters of a request: the query first, then the form; first value wins, as in a servlet. */
export interface Params {
  get(name: string): string | undefined
}

export class BodyTooLarge extends Error {}

interface BodyLimits {
  readonly formBytes: number
  readonly hardBytes: number
}

/**
 * Reads a form. A form over `formBytes` has no parameters, as on Tomcat; it is read to its end and thrown away, so
 * that the client gets its answer. Over `hardBytes` the request is refused.
 */
export async function readParams(
  request: IncomingMessage,
  query: URLSearchParams,
  { formBytes, hardBytes }: BodyLimits,
): Promise<Params> {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')
  const body = await readBody(request, { hardBytes }, isForm ? formBytes : 0)
  const form = new URLSearchParams(body.toString('utf8'))
  return { get: (name) => query.get(name) ?? form.get(name) ?? undefined }
}

/**
 * Reads a body to its end.
 *
 * @param keptBytes a larger one is thrown away as it comes.
 * @throws BodyTooLarge over `hardBytes`
 */
export async function readBody(
  request: IncomingMessage,
  { hardBytes }: Pick<BodyLimits, 'hardBytes'>,
  keptBytes = hardBytes,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > hardBytes) throw new BodyTooLarge()
  let chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop must not destroy the socket: the refusal still goes out on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > hardBytes) throw new BodyTooLarge()
    if (bytes > keptBytes) chunks = []
    else chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
