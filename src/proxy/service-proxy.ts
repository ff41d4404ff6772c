import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/** As middleware of Express, NestJS or Connect, and as the listener of a `node:http` server. */
export type NodeProxy = (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void) => void

/** As middleware of Koa, also inside of koa-mount. */
export type KoaProxy = (
  context: { readonly req: IncomingMessage; readonly res: ServerResponse },
  next: () => Promise<unknown>,
) => Promise<void>

/** As a plugin of Fastify: `app.register(proxy, { prefix: '/users' })`. */
export type FastifyProxyPlugin = (instance: FastifyScope, options: object, done: (error?: Error) => void) => void

/** As a handler of a Fastify route: `app.all('/users/*', proxy)`. */
export type FastifyProxyHandler = (
  request: { readonly raw: IncomingMessage | Http2ServerRequest },
  reply: FastifyReplyLike,
) => void

/** A gateway line: it fits wherever a framework takes a handler. */
export type ServiceProxy = NodeProxy & KoaProxy & FastifyProxyHandler & FastifyProxyPlugin

/** What the plugin needs of an instance of Fastify 4 or 5. */
export interface FastifyScope {
  readonly prefix: string
  removeAllContentTypeParsers(): unknown
  addContentTypeParser(
    type: string,
    parser: (request: never, payload: never, done: (error: Error | null) => void) => void,
  ): unknown
  all(path: string, handler: FastifyProxyHandler): unknown
}

/** What the handler needs of a reply. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse | Http2ServerResponse
  hijack(): unknown
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>
}
