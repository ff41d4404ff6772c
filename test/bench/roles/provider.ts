import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Handlers } from '../support/worker.js'

/** Two instances in one process: all contenders then have the same server, whether they balance or not. */
export async function provider(): Promise<Handlers> {
  const ports = await Promise.all([listen(), listen()])
  return { ports: () => ports }
}

async function listen(): Promise<number> {
  const server = createServer((request, response) => {
    const id = request.url!.slice(request.url!.lastIndexOf('/') + 1)
    const body = JSON.stringify({ id, name: 'Ada Lovelace', email: 'ada@example.com', roles: ['user', 'admin'] })
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    response.writeHead(200, headers).end(body)
  })
  // An idle connection must not be closed while another contender has its turn.
  server.keepAliveTimeout = 120_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
