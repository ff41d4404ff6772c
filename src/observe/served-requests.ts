import type { IncomingMessage, ServerResponse } from 'node:http'
import { activeServerSpan } from '../tracing/server-span.js'
import type { OperationOutcome } from './operation.js'
import type { Recorder } from './recorder.js'
import type { EndOfRequest, RequestLog } from './request-log.js'
import { verbOf } from './verb.js'

/** A request that is being served. */
export interface Served {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Its target as the app's router sees it, where that is not `request.url`. */
  readonly url: string | undefined
  /** The pattern of its route. */
  route(): string | undefined
  /** Address of its caller, as the framework says. */
  client?(request: IncomingMessage): string | undefined
}

/** The pattern of what is served without a route; `undefined` for any other target. */
type PatternOf = (method: string, target: string) => string | undefined

/** Of a response that is followed already: an app in another one takes a request in twice. */
const FOLLOWED = Symbol('followed')
type Followed = ServerResponse & { [FOLLOWED]?: ServedRequest }

/**
 * Figures and log of the requests that an app serves, by method and pattern of the route: from when they come in until the response
 * is on its way, or cut off. What no route handles is `GET *`.
 *
 * @param patternOf for the sidecar's own pages
 */
export function observeRequests(recorder: Recorder, log: RequestLog, patternOf: PatternOf): (served: Served) => void {
  return (served) => {
    const response = served.response as Followed
    const { active } = log
    if (!(recorder.enabled || active) || response[FOLLOWED] !== undefined) return
    response[FOLLOWED] = new ServedRequest(recorder, served, patternOf, active ? log.begin(served) : undefined)
    // Instrumentations end the span at this event: its route is set before.
    response.prependListener('close', onClose)
  }
}

function onClose(this: Followed): void {
  this[FOLLOWED]?.end()
}

/** Names by pattern, by verb: to make one of two, and to look it up, costs more than all else. */
const names = new Map<string, Map<string, string>>()
const MAX_PATTERNS = 2_000

function nameOf(verb: string, pattern: string): string {
  let known = names.get(verb)
  if (known === undefined) names.set(verb, (known = new Map()))
  let name = known.get(pattern)
  if (name === undefined) {
    name = `${verb} ${pattern}`
    if (known.size < MAX_PATTERNS) known.set(pattern, name)
  }
  return name
}

class ServedRequest implements OperationOutcome {
  private readonly since = performance.now()
  private readonly span = activeServerSpan()
  failed = false
  code: string | undefined

  constructor(
    private readonly recorder: Recorder,
    private readonly served: Served,
    private readonly patternOf: PatternOf,
    private readonly logEnd: EndOfRequest | undefined,
  ) {}

  get status(): number | undefined {
    const { response } = this.served
    return response.headersSent ? response.statusCode : undefined
  }

  get traceId(): string | undefined {
    return this.span?.traceId
  }

  get traceparent(): string | undefined {
    const { traceparent } = this.served.request.headers
    return typeof traceparent === 'string' ? traceparent : undefined
  }

  end(): void {
    const { request, response, url } = this.served
    const { method = 'GET' } = request
    // The caller went away: no failure of ours, unless we had begun to say so.
    if (!response.writableFinished) this.code = 'aborted'
    const { status } = this
    this.failed = status !== undefined && status >= 500 && !this.recorder.isExpected(status, undefined)
    const route = this.served.route() ?? this.patternOf(method, url ?? request.url ?? '/')
    const verb = verbOf(method)
    if (route !== undefined) this.span?.setRoute(verb, route)
    const ms = performance.now() - this.since
    this.recorder.record('server', nameOf(verb, route ?? '*'), ms, this)
    this.logEnd?.({ response, route, status, ms, aborted: this.code === 'aborted', traceId: this.traceId })
  }
}
