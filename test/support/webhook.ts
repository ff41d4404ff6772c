import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** One message that a webhook received. */
export interface Received {
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly bytes: Buffer
  readonly json: Record<string, unknown>
}

/** A receiver of alerts until the test ends. @param answer @default 200 and `ok` */
export async function startWebhook(
  answer: (response: ServerResponse, count: number) => void = (response) => response.end('ok'),
): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const json = JSON.parse(bytes.toString()) as Record<string, unknown>
      received.push({ url: new URL(request.url!, 'http://hook'), headers: request.headers, bytes, json })
      answer(response, received.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/canary-token`, received }
}
