import { AsyncLocalStorage } from 'node:async_hooks'
import { processSlot } from './process-state.js'
import { activeTraceId } from './tracing/registered-api.js'

/** What of the incoming request travels on to the services it calls. */
export interface RequestContext {
  /** The caller's bearer token, as the one token extractor found it. */
  readonly token?: string
  /** W3C trace context of the incoming request. */
  readonly traceparent?: string
  readonly tracestate?: string
  /** Which version of the services it calls the request asks for (`sidecar.version-header`). */
  readonly version?: string
  /** Further headers that travel on (`sidecar.forward-headers`), by their names in lower case. @default none */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * What of a version header is believed: it comes from outside, goes out again as a header, and picks instances.
 *
 * @returns `undefined` for anything that is no plain version
 */
export function readVersion(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text) ? text : undefined
}

/** The trace id of a `traceparent`. It comes from outside: `undefined` for what is none. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : /^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent)?.[1]
}

const storage = processSlot('context', () => new AsyncLocalStorage())

/** The context of the request being handled, if any. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore()
}

/** The trace that is worked on: of the active span, or else of the request being handled. */
export function currentTraceId(): string | undefined {
  return activeTraceId() ?? traceIdOf(currentContext()?.traceparent)
}

/**
 * Runs `fn` as part of the given request: typed clients called inside forward its token and trace.
 *
 * @example
 * await runWithContext({ token }, () => users.getUser({ id: '1' }))
 */
export function runWithContext<T>(context: RequestContext, fn: () => T): T {
  return storage.run(context, fn)
}
