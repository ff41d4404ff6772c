import { IncomingMessage, ServerResponse } from 'node:http'

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** One GET without a socket: what a request leaves behind is measured, not the network. */
export function serveOnce(handle: Handle, url: string): Promise<void> {
  const request = Object.assign(new IncomingMessage(undefined as never), { method: 'GET', url })
  const response = new ServerResponse(request)
  return new Promise((resolve) => {
    response.end = () => {
      response.emit('close')
      resolve()
      return response
    }
    handle(request, response)
  })
}
