import type { Attributes, Span } from '@opentelemetry/api'
import { beginSpan, type BegunSpan } from './begin-span.js'
import { LIST_SETTER } from './injected-headers.js'
import { registeredApi, traceIdOfSpan, type RegisteredApi } from './registered-api.js'
import { safely } from './safely.js'
import { CLIENT, FAILED } from './span-values.js'
import { UntracedScope } from './untraced.js'

/** A call, as far as it is known before it is sent. */
export interface TracedCall {
  /** Of few values: `GET user-service/users/{id}`. */
  readonly name: string
  readonly verb: string
  /** Logical name, or a base URL. */
  readonly service: string
  /** Of the path; empty where there is none. */
  readonly template: string
  /** Of a fixed URL. */
  readonly origin: string | undefined
}

/** One request of a call, when it has ended. */
export interface TracedAttempt {
  /** From 1. */
  readonly number: number
  /** `host:port`. */
  readonly instance: string | undefined
  readonly outcome: string
  readonly status: number
  /** Code of the error. */
  readonly code: string | undefined
}

/** What became of a call. */
export interface TracedOutcome {
  readonly status: number
  readonly code?: string | undefined
  readonly failed: boolean
  readonly attempts: number
  /** Where its last request went. */
  readonly address: { readonly ip: string; readonly port: number } | undefined
}

/**
 * The CLIENT span of one call, however many requests it takes, and its headers. The requests below it are sent untraced: the
 * instrumentation of undici or http would add a second header and a span for each of them.
 */
export class CallTrace {
  readonly traceId: string | undefined
  private readonly begun: BegunSpan
  private scope: UntracedScope | undefined

  constructor(
    private readonly api: RegisteredApi,
    call: TracedCall,
  ) {
    this.begun = beginSpan(api, call.name, { kind: CLIENT, attributes: attributesOf(call) })
    this.traceId = traceIdOfSpan(this.span)
  }

  private get span(): Span | undefined {
    return this.begun.span
  }

  /** What the propagators of the SDK send along, names and values by turns, names in lower case. */
  headers(): string[] {
    const headers: string[] = []
    safely(() => this.api.propagation?.inject(this.begun.context, headers, LIST_SETTER))
    return headers
  }

  /** Sends a request; until its end, nothing that comes of it makes a span. */
  send<T>(request: () => T): T {
    this.scope?.end()
    this.scope = new UntracedScope(this.api, this.begun.around, this.begun.context)
    return this.scope.run(request)
  }

  /** The response begins: what the caller does with it is traced again. */
  onResponse(): void {
    this.scope?.end()
  }

  /** Runs what belongs to the call, and is the app's: interceptors. */
  within<T>(work: () => T): T {
    const { context } = this.api
    return context === undefined ? work() : context.with(this.begun.context, work)
  }

  attempt({ number, instance, outcome, status, code }: TracedAttempt): void {
    this.scope?.end()
    const facts = {
      ...(instance !== undefined && { 'nacos_sidecar.instance': instance }),
      'nacos_sidecar.outcome': outcome,
      'http.request.resend_count': number - 1,
      ...(status > 0 && { 'http.response.status_code': status }),
      ...(code !== undefined && { 'error.type': code }),
    }
    safely(() => this.span?.addEvent('attempt', facts))
  }

  end(outcome: TracedOutcome): void {
    this.scope?.end()
    const { span } = this
    if (span !== undefined) safely(() => endSpan(span, outcome))
  }
}

function endSpan(span: Span, { status, code, failed, attempts, address }: TracedOutcome): void {
  if (address !== undefined) span.setAttributes({ 'server.address': address.ip, 'server.port': address.port })
  if (status > 0) span.setAttribute('http.response.status_code', status)
  if (attempts > 1) span.setAttribute('http.request.resend_count', attempts - 1)
  if (failed) {
    const type = status >= 400 ? String(status) : (code ?? '_OTHER')
    span.setAttribute('error.type', type).setStatus({ code: FAILED, ...(code !== undefined && { message: code }) })
  }
  span.end()
}

/** Begins the span of a call; `undefined` without an SDK. */
export function traceCall(call: TracedCall): CallTrace | undefined {
  const api = registeredApi()
  return api && safely(() => new CallTrace(api, call))
}

function attributesOf({ verb, service, template, origin }: TracedCall): Attributes {
  return {
    'http.request.method': verb === 'OTHER' ? '_OTHER' : verb,
    ...(template !== '' && { 'url.template': template }),
    ...(!service.includes('://') && { 'peer.service': service }),
    ...(origin !== undefined && addressOf(origin)),
  }
}

function addressOf(origin: string): Attributes {
  const { hostname, port, protocol } = new URL(origin)
  return { 'server.address': hostname, 'server.port': Number(port) || (protocol === 'https:' ? 443 : 80) }
}
