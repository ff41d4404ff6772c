import type { IncomingMessage } from 'node:http'

/** Whether these are the method and the headers of a CORS preflight, which a browser sends before a request. */
export function looksLikePreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && Boolean(headers.origin) && Boolean(headers['access-control-request-method'])
}
