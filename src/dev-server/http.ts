import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { ignoredServers } from '../process-state.js'
import { remoteOf } from './access.js'
import { tokenRefusal } from './auth.js'
import type { Auth, TokenState } from './auth.js'
import { BodyTooLarge, readParams } from './body.js'
import { Refusal, errorPage, text, tooMany } from './reply.js'
import type { Reply, StreamReply } from './reply.js'
import type { Generation } from './naming-view.js'
import type { Call, Router } from './router.js'

export interface HttpLimits {
  /** A larger form counts as empty, as on Tomcat. @default 2 MiB */
  readonly formBytes: number
  /** A larger request is refused. @default 16 MiB */
  readonly hardBytes: number
  /** For the head of a request to arrive. @default 10000 */
  readonly headersTimeoutMs: number
  /** For the whole of a request to arrive. @default 30000 */
  readonly requestTimeoutMs: number
}

export interface HttpOptions {
  readonly router: Router
  readonly generation: Generation
  readonly auth: Auth
  readonly logger: Logger
  readonly limits: HttpLimits
  /** A refusal by Host, Origin and the like, before anything is read. */
  readonly access: (request: IncomingMessage) => Reply | undefined
  /** The console, where this is one of its addresses. */
  readonly console: (request: IncomingMessage) => Reply | StreamReply | Promise<Reply | StreamReply> | undefined
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal
}

/** node:http around the router: limits, access, token, and what every answer carries. */
export function createHttp(options: HttpOptions): Server {
  const { limits, logger } = options
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.max(100, limits.headersTimeoutMs / 10),
      keepAliveTimeout: 60_000,
    },
    (request, response) => {
      handle(request, options, response)
        .catch((error: unknown) => {
          if (error instanceof Refusal) return error.reply
          if (error instanceof BodyTooLarge)
            return { ...text('The request is too large.', 413), headers: { Connection: 'close' } }
          if (request.destroyed && !request.complete) return undefined
          logger.error(`${request.method} ${pathOf(request)} failed in the embedded registry: ${messageOf(error)}`)
          return errorPage(500, 'Server failed', pathOf(request))
        })
        .then((reply) => {
          if (!reply) return
          if ('stream' in reply) stream(response, reply, options.stopping)
          else write(request, response, reply)
        })
        .catch((error: unknown) => {
          logger.error(`An answer of the embedded registry could not be written: ${messageOf(error)}`)
          response.destroy()
        })
    },
  )
  // A sidecar without an app looks for the process's own server: this one is not it.
  ignoredServers().add(server)
  return server
}

async function handle(
  request: IncomingMessage,
  options: HttpOptions,
  response: ServerResponse,
): Promise<Reply | StreamReply> {
  const { router, auth, limits } = options
  const refused = options.access(request) ?? options.console(request)
  if (refused) return refused
  const path = pathOf(request)
  const params = await readParams(request, new URLSearchParams(queryOf(request)), limits)
  const method = request.method ?? 'GET'
  const found = router.find(method, path)
  if ('refusal' in found) return found.refusal
  const header = (name: string) => {
    const value = request.headers[name]
    return Array.isArray(value) ? value[0] : value
  }
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const signal = AbortSignal.any([options.stopping, gone.signal])
  const call: Call = { method, path, params, header, remote: remoteOf(request), signal }
  if (auth.enabled && !found.open) {
    const state = tokenState(call, auth)
    if (state !== 'ok') return errorPage(403, tokenRefusal(state, options.generation), path)
  }
  return found.handler(call)
}

/** Bearer header, `accessToken` as header or parameter, or the user itself: the ways Nacos takes. */
function tokenState(call: Call, auth: Auth): TokenState {
  const bearer = /^Bearer (.+)$/.exec(call.header('authorization') ?? '')?.[1]
  const state = auth.check(bearer ?? call.header('accesstoken') ?? call.params.get('accessToken'))
  const username = call.params.get('username')
  if (state !== 'missing' || username === undefined) return state
  const outcome = auth.login(username, call.params.get('password') ?? '', call.remote)
  if (typeof outcome !== 'object') return 'missing'
  if ('waitMs' in outcome) throw tooMany(outcome.waitMs, call.path)
  return 'ok'
}

function write(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body, 'utf8') : reply.body
  response.writeHead(reply.status, {
    ...(reply.type && { 'Content-Type': reply.type }),
    'Content-Length': body.length,
    // A document or an echoed name must never run as a page of this origin.
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    // As Tomcat does, so that a client meets it here first.
    ...([400, 500, 501].includes(reply.status) && { Connection: 'close' }),
    ...reply.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** A reader that is this far behind is let go: it connects anew and gets all of it. */
const MOST_UNREAD_BYTES = 32 * 1024 * 1024

function stream(
  response: ServerResponse,
  { status, headers, stream: start }: StreamReply,
  stopping: AbortSignal,
): void {
  if (response.destroyed) return
  response.writeHead(status, { 'X-Content-Type-Options': 'nosniff', 'X-Frame-Options': 'DENY', ...headers })
  const end = start((text) => {
    if (response.writableLength > MOST_UNREAD_BYTES) response.destroy()
    else response.write(text)
  })
  const close = () => response.end()
  stopping.addEventListener('abort', close)
  response.once('close', () => {
    stopping.removeEventListener('abort', close)
    end()
  })
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0]!
}

function queryOf(request: IncomingMessage): string {
  const url = request.url ?? ''
  const mark = url.indexOf('?')
  return mark < 0 ? '' : url.slice(mark + 1)
}
