import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { MountedApp } from '../adapters/adapter.js'
import type { CallRuntime } from '../calls/runtime.js'
import { clientSettings } from '../calls/client-settings.js'
import { SidecarError } from '../errors.js'
import type { Settings } from '../settings/schema.js'
import { timeLimit } from '../util/longest-timer.js'
import { expectCalls } from '../util/undici.js'
import { answer } from './answer.js'
import { Exchange } from './exchange.js'
import type { Line } from './line.js'
import { refused } from './failure.js'
import { reaches } from './mounts.js'
import { checkProxyOptions, type ProxyOptions } from './options.js'
import type { ParsedBody } from './request-body.js'
import { place } from './place.js'
import type { FastifyProxyHandler, FastifyReplyLike, FastifyScope, ServiceProxy } from './service-proxy.js'
import { asPrefix, below, parseTarget } from './target-path.js'
import { createTunnels } from './tunnels.js'
import { createUpgrades } from './upgrades.js'

/** The gateway lines of a sidecar. */
export interface Proxies {
  /** @throws SidecarError `SIDECAR_PROXY_INVALID` */
  create(service: string, options?: ProxyOptions): ServiceProxy
  /** An HTTP server of the process listens; it need not be the app's. */
  onServer(server: HttpServer): void
  /** This one is the app's. */
  onAppServer(server: HttpServer): void
  /** The server closes: says goodbye to WebSockets. */
  endTunnels(): void
}

export interface ProxiesOptions {
  readonly runtime: CallRuntime
  readonly settings: Settings
  /** The app, and what its adapter says of it; `undefined` without one. */
  readonly app: unknown
  readonly mounted: Pick<MountedApp, 'owns'> | undefined
}

const TIMEOUT_MS = 60_000
const IDLE_TIMEOUT_MS = 300_000

interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly originalUrl: string
  readonly request: ParsedBody
  respond?: boolean
}
type ExpressRequest = IncomingMessage & ParsedBody & { readonly baseUrl?: string; readonly originalUrl?: string }
type FastifyRequest = Parameters<FastifyProxyHandler>[0] & ParsedBody
type Next = (error?: unknown) => void

export function createProxies({ runtime, settings, app, mounted }: ProxiesOptions): Proxies {
  /** Those that pass WebSockets on. */
  const handlers = new Set<unknown>()
  const prefixes = new Set<string>()
  const seen = new Set<HttpServer>()
  const own = new WeakSet<HttpServer>()
  const tunnels = createTunnels()
  const upgrades = createUpgrades({ tunnels, isForProxy })

  /** Where the app has WebSockets of its own, by what is known of the mounts. */
  function isForProxy({ url = '/' }: IncomingMessage): boolean {
    const path = parseTarget(url)?.path
    if (path === undefined) return false
    return [...prefixes].some((prefix) => below(prefix, path) !== undefined) || reaches(app, path, handlers)
  }

  function watch(server: HttpServer): void {
    if (handlers.size > 0 && (own.has(server) || mounted?.owns(server))) upgrades.watch(server)
  }

  function onServer(server: HttpServer): void {
    if (!seen.has(server)) server.once('close', () => seen.delete(server))
    seen.add(server)
    watch(server)
  }

  function createLine(service: string, options: ProxyOptions): Line {
    const name = runtime.directory.nameOf(service)
    const { readTimeoutMs = TIMEOUT_MS } = clientSettings(settings.feign, name).options
    const { timeoutMs = readTimeoutMs, idleTimeoutMs = IDLE_TIMEOUT_MS, forwarded = 'append', headers } = options
    return {
      service: name,
      runtime,
      target: runtime.target(service),
      options,
      headerRules: { forwarded, preserveHost: options.preserveHost === true, ...(headers && { headers }) },
      timeoutMs: timeLimit(timeoutMs),
      idleTimeoutMs: timeLimit(idleTimeoutMs),
      tokens: settings.auth.token,
      onFailed: (status, error) => runtime.logger.debug(`proxy: ${status} instead of a response: ${error.message}`),
    }
  }

  function create(service: string, given: ProxyOptions = {}): ServiceProxy {
    const options = checkProxyOptions(service, given)
    const line = createLine(service, options)
    const { prefix = '', webSockets = true } = options
    expectCalls()

    /** @returns false where the request is not below the prefix */
    function pass(request: IncomingMessage, response: ServerResponse, at: Place, parsed: ParsedBody): boolean {
      const placed = place(at, prefix)
      if (placed === undefined) return false
      const upgrade = webSockets ? upgrades.takeover(request) : undefined
      new Exchange(line, { request, response, ...placed, parsed, upgrade }).start()
      return true
    }

    function onNode(request: ExpressRequest, response: ServerResponse, next?: Next): void {
      const { url = '/', originalUrl = url, baseUrl } = request
      if (pass(request, response, { url, originalUrl, mount: baseUrl }, request)) return
      if (next) next()
      else notFound(response)
    }

    async function onKoa(context: KoaContext, next: () => Promise<unknown>): Promise<void> {
      const { req, res, originalUrl, request } = context
      const closed = new Promise<void>((resolve) => res.once('close', resolve))
      if (!pass(req, res, { url: req.url ?? '/', originalUrl }, request)) return void (await next())
      context.respond = false
      await closed
    }

    function onFastify(request: FastifyRequest, reply: FastifyReplyLike, mount = ''): void {
      // Those of HTTP/2 have all that is used here.
      const [raw, response] = [request.raw as IncomingMessage, reply.raw as ServerResponse]
      const { url = '/' } = raw
      reply.hijack()
      // Hooks of the app have said them: CORS, for one.
      const said = reply.getHeaders()
      for (const name in said) if (said[name] !== undefined) response.setHeader(name, said[name])
      if (!pass(raw, response, { url, originalUrl: url, below: mount }, request)) notFound(response)
    }

    function register(scope: FastifyScope, done: () => void): void {
      const mount = asPrefix(scope.prefix)
      if (webSockets) prefixes.add(mount + prefix)
      // Bodies are passed on, whatever they are: nothing of them is read here.
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
      const handler = (request: FastifyRequest, reply: FastifyReplyLike) => onFastify(request, reply, mount)
      scope.all('/', handler)
      scope.all('/*', handler)
      done()
    }

    const proxy = (first: unknown, second: unknown, third: unknown): void | Promise<void> => {
      if (isFastifyScope(first)) return register(first, third as () => void)
      if (isKoaContext(first)) return onKoa(first, second as () => Promise<unknown>)
      if (isFastifyRequest(first)) return onFastify(first, second as FastifyReplyLike)
      if (isRequest(first)) return onNode(first, second as ServerResponse, third as Next | undefined)
      throw new SidecarError(
        'SIDECAR_PROXY_INVALID',
        `sidecar.proxy(${JSON.stringify(service)}) was called with something that is no request of Express, Fastify, Koa or node:http`,
      )
    }
    if (webSockets) {
      handlers.add(proxy)
      if (prefix !== '') prefixes.add(prefix)
      for (const server of seen) watch(server)
    }
    return proxy as ServiceProxy
  }

  return {
    create,
    onServer,
    onAppServer(server) {
      own.add(server)
      onServer(server)
    },
    endTunnels: tunnels.endAll,
  }
}

type Place = Parameters<typeof place>[0]

function notFound(response: ServerResponse): void {
  answer(response, 404, refused(404, 'Not found'))
}

const has = (value: unknown, ...names: string[]) =>
  typeof value === 'object' && value !== null && names.every((name) => name in value)

function isFastifyScope(value: unknown): value is FastifyScope {
  return has(value, 'addContentTypeParser', 'register', 'all')
}

function isKoaContext(value: unknown): value is KoaContext {
  return has(value, 'req', 'res', 'originalUrl', 'request')
}

function isFastifyRequest(value: unknown): value is FastifyRequest {
  return has(value, 'raw', 'server', 'id')
}

function isRequest(value: unknown): value is ExpressRequest {
  return has(value, 'headers', 'method', 'socket')
}
