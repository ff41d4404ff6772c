import type { IncomingMessage, ServerResponse } from 'node:http'
import { activeServerSpan } from '../tracing/server-span.js'
import type { OperationOutcome } from './operation.js'
import type { OperationWriter, Recorder } from './recorder.js'
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
/** Patterns whose operations are remembered. */
const MAX_PATTERNS = 2_000
type Followed = ServerResponse & { [FOLLOWED]?: ServedRequest }

/**
 * Figures and log of the requests that an app serves, by method and pattern of the route: from when they come in until the response
 * is on its way, or cut off. What no route handles is `GET *`.
 *
 * @param patternOf for the sidecar's own pages
 */
export function observeRequests(recorder: Recorder, log: RequestLog, patternOf: PatternOf): (served: Served) => void {
  const operations = new ServedOperations(recorder)
  return (served) => {
    const response = served.response as Followed
    const { active } = log
    if (!(recorder.enabled || active) || response[FOLLOWED] !== undefined) return
    response[FOLLOWED] = new ServedRequest(
      recorder,
      operations,
      served,
      patternOf,
      active ? log.begin(served) : undefined,
    )
    // Instrumentations end the span at this event: its route is set before.
    response.prependListener('close', onClose)
  }
}

function onClose(this: Followed): void {
  this[FOLLOWED]?.end()
}

/** The operations of one pattern, one for each method. */
interface Known {
  readonly method: string
  readonly write: OperationWriter
  readonly next: Known | undefined
}

/** Finds the operation of a request by what the request has at hand: to make its name, and to look that up, costs more than all else. */
class ServedOperations {
  private readonly byPattern = new Map<string, Known>()

  constructor(private readonly recorder: Recorder) {}

  of(method: string, pattern: string): OperationWriter {
    const first = this.byPattern.get(pattern)
    let known = first
    while (known !== undefined && known.method !== method) known = known.next
    return known === undefined ? this.open(method, pattern, first) : known.write
  }

  private open(method: string, pattern: string, next: Known | undefined): OperationWriter {
    const verb = verbOf(method)
    // Over HTTP/2 any text is a method: only those that are one are kept.
    if (verb !== method) return this.of(verb, pattern)
    const write = this.recorder.writerOf('server', `${verb} ${pattern}`)
    if (next !== undefined || this.byPattern.size < MAX_PATTERNS) this.byPattern.set(pattern, { method, write, next })
    return write
  }
}

class ServedRequest implements OperationOutcome {
  private readonly since = performance.now()
  private readonly span = activeServerSpan()
  failed = false
  code: string | undefined

  constructor(
    private readonly recorder: Recorder,
    private readonly operations: ServedOperations,
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
    const route = this.served.route() ?? this.patternOf(method, url ?? request.url ?? '/')
    // A method that no route has (501 of Koa's router) is the caller's mistake.
    const unknownMethod = status === 501 && route === undefined
    this.failed =
      status !== undefined && status >= 500 && !unknownMethod && !this.recorder.isExpected(status, undefined)
    if (route !== undefined) this.span?.setRoute(verbOf(method), route)
    const ms = performance.now() - this.since
    this.operations.of(method, route ?? '*')(ms, this)
    this.logEnd?.({ response, route, status, ms, aborted: this.code === 'aborted', traceId: this.traceId })
  }
}
