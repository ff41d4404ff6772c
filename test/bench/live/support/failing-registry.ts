import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers 500 to everything, and counts. */
export async function startFailingRegistry() {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    request.resume()
    response.writeHead(500).end('caused: the disk is full;')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    server: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
