import type { IncomingMessage } from 'node:http'
import { SidecarError } from '../errors.js'
import type { ProxyFailure } from './failure.js'
import type { ForwardedPolicy } from './forwarded.js'
import { asPrefix } from './target-path.js'
import { unknownOption, type OptionNames } from '../util/unknown-option.js'

/** How a gateway line passes requests on. Times are in milliseconds; 0 sets no limit. */
export interface ProxyOptions {
  /**
   * Takes requests below this path only, and takes it from the path: where the app does not do that itself (`node:http`, Koa
   * without koa-mount, a route of Fastify).
   *
   * @default where the app has mounted the proxy: `app.use('/users', …)`, `register(…, { prefix: '/users' })`
   */
  readonly prefix?: string
  /**
   * The path at the service. A text stands in place of the prefix: with `/api/users`, `/users/7` of the gateway is `/api/users/7`
   * of the service. A function gets the path below the prefix, without its query, and returns the whole path, with a query
   * of its own or without.
   *
   * @default the path below the prefix: `/users/7` is `/7` of the service
   */
  readonly rewrite?: string | ((path: string, request: IncomingMessage) => string)
  /**
   * `true` leads paths of the response through the proxy again: `Location`, `Content-Location` and `Path` of `Set-Cookie`, where they
   * are below the path at the service. For a `rewrite` that is a text, or absent.
   *
   * @default false
   */
  readonly rewriteResponse?: boolean
  /** `true` sends the `Host` the client has asked for. @default false: the instance's address */
  readonly preserveHost?: boolean
  /**
   * `Forwarded` and `X-Forwarded-For`, `-Host`, `-Proto`, `-Prefix`: `append` this hop to what the request says; `replace` what it
   * says, where clients are not trusted; `none` passes them on as they come.
   *
   * @default 'append'
   */
  readonly forwarded?: ForwardedPolicy
  /** Further headers of the request to the service; `undefined` takes one away. */
  headers?(request: IncomingMessage): Readonly<Record<string, string | undefined>>
  /** Passes WebSockets on. @default true */
  readonly webSockets?: boolean
  /**
   * How long the service may take to begin its response, all attempts together; sending the request's body does not count. Then
   * the client gets a 504. @default `feign.client.<name>.read-timeout`, or 60000
   */
  readonly timeoutMs?: number
  /** Longest silence within a response; then the client's connection is cut. Event streams have no limit. @default 300000 */
  readonly idleTimeoutMs?: number
  /**
   * Answers in place of the proxy where the service gave no response. If it sends nothing, the proxy answers with JSON.
   *
   * @example
   * onError: ({ status, response }) => response.writeHead(status, { 'content-type': 'text/html' }).end(page)
   */
  onError?(failure: ProxyFailure): void
}

const OPTIONS: OptionNames<ProxyOptions> = {
  ...{ prefix: true, rewrite: true, rewriteResponse: true, preserveHost: true, forwarded: true, headers: true },
  ...{ webSockets: true, timeoutMs: true, idleTimeoutMs: true, onError: true },
}

/** @throws SidecarError `SIDECAR_PROXY_INVALID` */
export function checkProxyOptions(service: string, options: ProxyOptions): ProxyOptions {
  const invalid = (why: string): never => {
    throw new SidecarError('SIDECAR_PROXY_INVALID', `sidecar.proxy(${JSON.stringify(service)}): ${why}`)
  }
  if (typeof service !== 'string' || service.trim() === '') invalid('the first argument is the name of a service')
  const unknown = unknownOption(options, OPTIONS)
  if (unknown !== undefined) invalid(`there is ${unknown}`)
  const { prefix, rewrite, forwarded = 'append' } = options
  if (prefix !== undefined && !isPath(prefix)) invalid('prefix must begin with a slash')
  if (rewrite !== undefined && typeof rewrite !== 'function' && !isPath(rewrite))
    invalid('rewrite must be a path that begins with a slash, or a function')
  if (typeof rewrite === 'function' && options.rewriteResponse)
    invalid('rewriteResponse needs a rewrite that is a path: what a function does cannot be undone')
  if (!['append', 'replace', 'none'].includes(forwarded)) invalid('forwarded is append, replace or none')
  for (const name of ['timeoutMs', 'idleTimeoutMs'] as const) {
    const ms = options[name]
    if (ms !== undefined && !(typeof ms === 'number' && ms >= 0)) invalid(`${name} must be a number of milliseconds`)
  }
  for (const name of ['headers', 'onError'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'function') invalid(`${name} must be a function`)
  return {
    ...options,
    ...(prefix !== undefined && { prefix: asPrefix(prefix) }),
    ...(typeof rewrite === 'string' && { rewrite: asPrefix(rewrite) }),
  }
}

function isPath(text: unknown): boolean {
  return typeof text === 'string' && text.startsWith('/') && !/[?#\\]|\/\/|(?:^|\/)\.{1,2}(?:\/|$)/.test(text)
}
