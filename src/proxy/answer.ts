import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { SidecarError } from '../errors.js'
import { bodyOf } from './failure.js'

/** Answers with JSON, in the shape of the guard's refusals. */
export function answer(response: ServerResponse, status: number, error: SidecarError): void {
  const text = JSON.stringify(bodyOf(status, error))
  const headers = { 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' }
  // The status the instance may have begun with is none any more.
  if (response.req.httpVersionMajor < 2) response.statusMessage = STATUS_CODES[status] ?? ''
  for (const name of response.getHeaderNames())
    if (/^content-|^(?:etag|last-modified)$/.test(name)) response.removeHeader(name)
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** Ends the connection in a way that no client takes for the end of the response. */
export function cut(response: ServerResponse): void {
  const { stream } = response as { stream?: { close(code: number): void } }
  if (stream !== undefined) return stream.close(INTERNAL_ERROR)
  // A response to HTTP/1.0 is as long as its connection: only a reset is no end of it.
  const { socket } = response
  if (response.req.httpVersion === '1.0' && socket && !('encrypted' in socket)) socket.resetAndDestroy()
  response.destroy()
}

/** Of HTTP/2. */
const INTERNAL_ERROR = 2
