import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer, type ServerOptions } from 'node:https'
import { ownPort } from './own-port.js'

/** A request as it arrived. */
export interface RecordedRequest {
  readonly method: string
  /** Path and query as they stood on the wire. */
  readonly url: string
  /** Path without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The body read as a form. */
  readonly form: URLSearchParams
  /** `performance.now()` at arrival. */
  readonly atMs: number
}

/** `undefined` leaves the request to the next route; `never` keeps it open without an answer. */
export interface ScriptedAnswer {
  /** @default 200 */
  readonly status?: number
  readonly headers?: Record<string, string>
  /** A string as it is, anything else as JSON. @default '' */
  readonly body?: unknown
}
export type Handler = (
  request: RecordedRequest,
) => ScriptedAnswer | undefined | 'never' | 'reset' | Promise<ScriptedAnswer | undefined | 'never' | 'reset'>

export interface ScriptedRegistry {
  readonly host: string
  readonly port: number
  /** `host:port` */
  readonly address: string
  /** Every request so far, oldest first. */
  readonly requests: readonly RecordedRequest[]
  /** Requests whose `METHOD path` contains this text. */
  seen(text: string): RecordedRequest[]
  /** Answers requests whose `METHOD path` contains this text; the latest route wins. */
  on(text: string, answer: ScriptedAnswer | Handler): void
  /** Forgets the requests, keeps the routes. */
  forget(): void
  /** Sockets open now. */
  connections(): Promise<number>
  close(): Promise<void>
}

/**
 * An HTTP server whose answers a test scripts and whose requests it records. Without a route it answers as Nacos does
 * to an unknown path: 404 with Spring's error body.
 *
 * @example
 * const registry = await startScriptedRegistry()
 * registry.on('GET /nacos/v1/ns/instance/list', { body: { hosts: [] } })
 * registry.on('/auth/login', (request) => ({ body: { accessToken: 't', tokenTtl: 18000 } }))
 */
export async function startScriptedRegistry(options: { tls?: ServerOptions } = {}): Promise<ScriptedRegistry> {
  const requests: RecordedRequest[] = []
  const routes: { text: string; handler: Handler }[] = []

  const serve = (raw: IncomingMessage, response: ServerResponse) => {
    void record(raw).then(
      async (request) => {
        requests.push(request)
        const line = `${request.method} ${request.path}`
        for (const route of routes.toReversed()) {
          if (!line.includes(route.text)) continue
          const answer = await route.handler(request)
          if (answer === 'never') return
          if (answer === 'reset') return void raw.socket.resetAndDestroy()
          if (answer) return reply(response, answer)
        }
        reply(response, {
          status: 404,
          body: { status: 404, error: 'Not Found', message: 'No message available', path: request.path },
        })
      },
      () => response.destroy(),
    )
  }

  const server: Server = options.tls ? createHttpsServer(options.tls, serve) : createHttpServer(serve)
  server.on('clientError', (_error, socket) => socket.destroy())
  // Beside a free port: gRPC is looked for 1,000 above.
  const port = await ownPort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))

  return {
    host: '127.0.0.1',
    port,
    address: `127.0.0.1:${port}`,
    requests,
    seen: (text) => requests.filter((request) => `${request.method} ${request.path}`.includes(text)),
    on(text, answer) {
      routes.push({ text, handler: typeof answer === 'function' ? answer : () => answer })
    },
    forget: () => void requests.splice(0),
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function record(raw: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of raw) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString('utf8')
  const url = raw.url ?? '/'
  const mark = url.indexOf('?')
  return {
    method: raw.method ?? 'GET',
    url,
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    headers: raw.headers,
    body,
    form: new URLSearchParams(body),
    atMs: performance.now(),
  }
}

function reply(response: ServerResponse, { status = 200, headers = {}, body = '' }: ScriptedAnswer): void {
  if (response.destroyed) return
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  response.writeHead(status, {
    ...(typeof body === 'string' ? {} : { 'content-type': 'application/json' }),
    ...headers,
  })
  response.end(text)
}
