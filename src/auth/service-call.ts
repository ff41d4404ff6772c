import type { CallAuthService } from './verifier.js'

/** No verdict is longer. */
const MAX_BYTES = 64 * 1024

/**
 * Sends a request to the central service. Redirects are not followed, and a response that is too long is an error.
 *
 * @param service logical name or base URL
 * @param fetch one that knows logical names
 */
export function createServiceCall(service: string, fetch: typeof globalThis.fetch): CallAuthService {
  const base = /^https?:\/\//i.test(service) ? service.replace(/\/+$/, '') : `http://${service}`
  return async ({ path, query, headers, signal }) => {
    const url = `${base}${path}?${new URLSearchParams(query)}`
    const response = await fetch(url, { headers, signal, redirect: 'manual' })
    return { status: response.status, body: await textOf(response) }
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BYTES) throw new Error(`its answer is longer than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
