import type { ServerResponse } from 'node:http'

/**
 * Calls `answer` if the app is about to send 404: a catch-all handler does not count as a route. Headers that
 * other middleware has set stay, but for those of the body that is not sent.
 */
export function insteadOf404(response: ServerResponse, answer: () => void): void {
  const own = { writeHead: response.writeHead, write: response.write, end: response.end }
  let missed = false
  const misses = () => (missed ||= !response.headersSent && response.statusCode === 404)

  // By whichever of the three the first byte would leave: middleware that compresses asks for the head first.
  Object.assign(response, {
    writeHead(status: number, ...more: unknown[]) {
      response.statusCode = status
      return misses() ? response : (Reflect.apply(own.writeHead, response, [status, ...more]) as unknown)
    },
    write(...chunk: unknown[]) {
      return misses() || Reflect.apply(own.write, response, chunk)
    },
    end(...chunk: unknown[]) {
      if (!misses()) return Reflect.apply(own.end, response, chunk) as unknown
      Object.assign(response, own)
      for (const name of ['content-encoding', 'content-disposition', 'etag']) response.removeHeader(name)
      answer()
      return response
    },
  })
}
