import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A request as a collector received it. */
export interface Collected {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly bytes: Buffer
}

/** A collector that speaks the HTTP API of Stardust, until the test ends. */
export interface Collector {
  readonly url: string
  readonly received: Collected[]
  /** Of a request; itself answers a login with `token-1`, `token-2`, … and takes every report with a current token. */
  answer: (request: Collected, response: ServerResponse) => void
  /** Tokens of before are no longer valid. */
  expire(): void
}

export async function startCollector({ expireSeconds = 7_200 } = {}): Promise<Collector> {
  let logins = 0
  let valid = ''
  const received: Collected[] = []
  const say = (response: ServerResponse, body: object) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const collector: Omit<Collector, 'url'> = {
    received,
    answer({ path, headers }, response) {
      if (path === '/App/Login') {
        valid = `token-${++logins}`
        return say(response, { code: 0, data: { Code: 'portal', Token: valid, Expire: expireSeconds } })
      }
      if (headers.authorization !== `Bearer ${valid}`) return say(response, { code: 401, message: 'canary-message' })
      say(response, { code: 0, data: { Period: 60, MaxSamples: 1, MaxErrors: 10, Excludes: ['/health'] } })
    },
    expire: () => void (valid = ''),
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const collected = { path: request.url!, headers: request.headers, bytes: Buffer.concat(chunks) }
      received.push(collected)
      collector.answer(collected, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(collector, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}
