import { createServer, request as forward } from 'node:http'
import { ownPort } from '../../support/own-port.js'

export interface Recorded {
  readonly method: string
  /** With the query, as it went over the wire. */
  readonly url: string
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
  /** `undefined` while the answer is awaited. */
  status?: number
}

export interface RecordingProxy {
  /** `host:port`; what asks here is answered by the server behind. */
  readonly server: string
  readonly requests: readonly Recorded[]
  close(): Promise<void>
}

/** Stands before a registry and writes down what the client really sends. */
export async function recordingProxy(behind: string): Promise<RecordingProxy> {
  const requests: Recorded[] = []
  const [host, port] = behind.split(':')
  const proxy = createServer(async (incoming, answer) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const recorded: Recorded = {
      method: incoming.method!,
      url: incoming.url!,
      headers: incoming.headers,
      body: body.toString(),
    }
    requests.push(recorded)
    const outgoing = forward(
      { host, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (reply) => {
        recorded.status = reply.statusCode!
        answer.writeHead(reply.statusCode!, reply.headers)
        reply.pipe(answer)
      },
    )
    outgoing.on('error', () => answer.destroy())
    answer.on('close', () => outgoing.destroy())
    outgoing.end(body)
  })
  // Beside a free port: gRPC is looked for 1,000 above.
  const own = await ownPort()
  await new Promise<void>((resolve) => proxy.listen(own, '127.0.0.1', resolve))
  return {
    server: `127.0.0.1:${own}`,
    requests,
    close: async () => {
      proxy.closeAllConnections()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
