import type { IncomingMessage, ServerResponse } from 'node:http'
import { runWithContext, traceIdOf } from '../context.js'
import { shownPath } from '../diagnostics.js'
import type { LogFields } from '../logger.js'
import { matchesPattern } from './name-pattern.js'
import { verbOf } from './verb.js'

/** A request that was served, or refused by the guard. Holds no query, header, token or body. */
export interface RequestEvent {
  /** `OTHER` for one that HTTP does not know. */
  readonly method: string
  /** As it came, without its query; cut at `sidecar.observe.max-tag-length`. */
  readonly path: string
  /** Pattern of the route; `undefined` where no route handled it. */
  readonly route: string | undefined
  /** `undefined` where no response was begun. */
  readonly status: number | undefined
  /** Milliseconds until the response was sent, or cut off. */
  readonly ms: number
  /** Length of the body of the response, where it was known before it was sent (`Content-Length`). */
  readonly bytes: number | undefined
  /** Address of the caller: as the framework says by its own setting (`trust proxy`, `trustProxy`, `app.proxy`), otherwise that of the connection. */
  readonly client: string | undefined
  /** Of its span, where it is traced; otherwise of its `traceparent`. */
  readonly traceId: string | undefined
  /** The caller went away before the response was sent. */
  readonly aborted: boolean
}

/** What of the settings it goes by; each may change while requests are served. */
export interface RequestLogRules {
  readonly accessLog: boolean
  readonly accessLogExcludes: readonly string[]
  readonly maxTagLength: number
}

export interface RequestLogOptions {
  readonly rules: RequestLogRules
  /** Writes a line of the access log. */
  write(line: string, fields: LogFields): void
  /** Whether anything hears of the event `request`. */
  heard(): boolean
  emit(request: RequestEvent): void
}

/** A request as it comes in. */
interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: string | undefined
  /** Address of the caller, as the framework says. */
  client?(request: IncomingMessage): string | undefined
}

/** The access log, and the event `request`. */
export class RequestLog {
  private rules: RequestLogRules
  private enabled: boolean

  constructor(private readonly options: RequestLogOptions) {
    this.rules = options.rules
    this.enabled = options.rules.accessLog
  }

  /** From now on it goes by these. */
  configure(rules: RequestLogRules): void {
    this.rules = rules
    this.enabled = rules.accessLog
  }

  /** False: a request that comes in leaves nothing here. */
  get active(): boolean {
    return this.enabled || this.options.heard()
  }

  /** Reads what is gone when the request has ended: routers change its target, and a cut connection has no address. */
  begin({ request, url, client }: Incoming): EndOfRequest {
    const { maxTagLength } = this.rules
    const path = shownPath(url ?? request.url ?? '/').slice(0, maxTagLength)
    const logged = this.enabled && !this.rules.accessLogExcludes.some((pattern) => matchesPattern(pattern, path))
    const from = addressOf(client?.(request)) ?? addressOf(request.socket?.remoteAddress)
    return ({ response, route, status, ms, aborted, traceId }) => {
      const { method = 'GET', headers } = request
      const traceparent = typeof headers['traceparent'] === 'string' ? headers['traceparent'] : undefined
      const served: RequestEvent = {
        ...{ method: verbOf(method), path, route, status, ms: Math.round(ms * 1_000) / 1_000 },
        ...{ bytes: method === 'HEAD' ? undefined : lengthOf(response), client: from },
        ...{ traceId: traceId ?? traceIdOf(traceparent), aborted },
      }
      // What is logged while it is told of has its trace, and never that of another request on the connection.
      runWithContext(traceparent === undefined ? {} : { traceparent }, () => {
        if (logged) this.options.write(lineOf(served), { ...served })
        this.options.emit(served)
      })
    }
  }
}

/** Called once, when the response is sent or cut off. */
export type EndOfRequest = (end: {
  readonly response: ServerResponse
  readonly route: string | undefined
  readonly status: number | undefined
  readonly ms: number
  readonly aborted: boolean
  /** Of its span, where it has one. */
  readonly traceId: string | undefined
}) => void

/** `GET /users/7 200 3.1ms 512B 10.0.0.9 route=/users/:id`: what is not known is a dash, as in other access logs. */
function lineOf({ method, path, route, status, ms, bytes, client, aborted }: RequestEvent): string {
  const known = `${method} ${path} ${status ?? '-'} ${ms.toFixed(1)}ms ${bytes === undefined ? '-' : `${bytes}B`} ${client ?? '-'}`
  return `${known}${route === undefined ? '' : ` route=${route}`}${aborted ? ' aborted' : ''}`
}

/** What a proxy says is text of others: only what may be an address, with its port, is taken. */
function addressOf(text: string | undefined): string | undefined {
  if (typeof text !== 'string' || !/^[\w.:[\]%-]{1,64}$/.test(text)) return undefined
  return /^::ffff:\d+\./i.test(text) ? text.slice('::ffff:'.length) : text
}

/** Node keeps no headers of `writeHead`, which Fastify uses, but in the text of the whole head. */
function lengthOf(response: ServerResponse): number | undefined {
  const { _header: head } = response as { _header?: string | null }
  const length = response.getHeader('content-length') ?? /^content-length: *(\d+)/im.exec(head ?? '')?.[1]
  return length !== undefined && Number.isSafeInteger(Number(length)) ? Number(length) : undefined
}
