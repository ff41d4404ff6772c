import type { Span } from '@opentelemetry/api'
import { activeContext, registeredApi, spanOf, traceIdOfSpan } from './registered-api.js'
import { safely } from './safely.js'
import { SERVER } from './span-values.js'

/** Where the instrumentation of http keeps the span of a request, and that of a router its route. */
const METADATA = Symbol.for('OpenTelemetry SDK Context Key RPC_METADATA')

interface RequestMetadata {
  readonly span?: Span
  route?: string
}

/** What an SDK's spans show beside the API. */
interface ReadableSpan extends Span {
  readonly kind?: number
  readonly name?: string
  readonly attributes?: Readonly<Record<string, unknown>>
}

/** The span that an instrumentation has made for the request being served. */
export class ServerSpan {
  readonly traceId: string | undefined

  constructor(
    private readonly span: ReadableSpan,
    private readonly metadata: RequestMetadata | undefined,
  ) {
    this.traceId = traceIdOfSpan(span)
  }

  /** Says which route serves the request, where no instrumentation has. Before the span ends. */
  setRoute(method: string, pattern: string): void {
    const { span, metadata } = this
    // The active span may be one of the app's own, below the server's.
    if (metadata === undefined && span.kind !== SERVER) return
    if (metadata?.route || span.attributes?.['http.route'] !== undefined || !span.isRecording()) return
    safely(() => span.setAttribute('http.route', pattern))
    // The instrumentation of http reads it for the name of the span, and for its figures.
    if (metadata !== undefined) metadata.route = pattern
    else if (span.name === method) safely(() => span.updateName(`${method} ${pattern}`))
  }
}

/** `undefined` where nothing is traced. To be asked for within the request. */
export function activeServerSpan(): ServerSpan | undefined {
  const api = registeredApi()
  if (api === undefined) return undefined
  const context = activeContext(api)
  const metadata = context.getValue(METADATA) as RequestMetadata | undefined
  const span = metadata?.span ?? spanOf(context)
  return span && new ServerSpan(span, metadata?.span && metadata)
}
