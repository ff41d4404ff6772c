import Agent from 'undici/lib/dispatcher/agent.js'
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import { CallFigure, callFigures } from '../calls/call-figure.js'
import { addContextHeaders } from '../calls/propagation.js'
import type { CallRuntime } from '../calls/runtime.js'
import { currentContext } from '../context.js'
import { FixedCall } from './fixed-call.js'
import { LogicalCall } from './logical-call.js'
import { readLogicalUrl } from './logical-name.js'
import { failRequest, relayTo } from './relay.js'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

/**
 * An undici dispatcher that knows logical names: `http://user-service/…` goes to an instance, with the caller's token
 * and trace; every other origin is used as it is. URLs are lower-cased before they come here, and so are the names:
 * see `calling`.
 */
export class SidecarDispatcher extends Dispatcher {
  /** Everything that is no logical name. */
  private readonly outside: Agent
  /** The registered name, if the URL does not preserve it. */
  private readonly service: string | undefined

  /** @param connections to one origin that is no logical name; any number where it is left out */
  constructor(
    private readonly runtime: () => CallRuntime,
    connections?: number,
  ) {
    super()
    this.outside = new Agent({ connections: connections ?? null })
  }

  /** The same for one request to a service with capitals in its name. */
  calling(service: string): Dispatcher {
    return Object.create(this, { service: { value: service } }) as Dispatcher
  }

  override dispatch(options: Options, handler: Handler): boolean {
    const logical = readLogicalUrl(String(options.origin ?? ''))
    if (logical === undefined) return this.outside.dispatch(options, handler)
    try {
      const runtime = this.runtime()
      const service = this.service ?? logical.service
      const target = runtime.target(service)
      const { url } = target
      const context = url === undefined || target.forwards ? currentContext() : undefined
      const { versionHeader } = runtime.settings.sidecar
      const headers = context && [...addContextHeaders(flat(options.headers), context, versionHeader)]
      const own = headers ? { ...options, headers } : options
      if (url !== undefined) {
        const figure = new CallFigure(callFigures(runtime.recorder, options.method, runtime.directory.nameOf(service)))
        figure.traceparent = context?.traceparent
        const to = { ...own, origin: url.origin, path: url.path + options.path }
        return this.outside.dispatch(to, new FixedCall(handler, figure))
      }
      new LogicalCall(runtime, target, logical.secure, own, handler, context).start()
    } catch (error) {
      failRequest(relayTo(handler), error)
    }
    return true
  }

  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | void {
    return callback ? this.outside.close(callback) : this.outside.close()
  }

  override destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> {
    const done = typeof error === 'function' ? error : callback
    return this.outside.destroy(typeof error === 'function' ? null : (error ?? null)).then(() => done?.())
  }
}

/** undici takes headers in many shapes; this makes names and values by turns of them. */
function flat(headers: Options['headers']): string[] {
  if (headers === null || headers === undefined) return []
  if (Array.isArray(headers))
    return headers.map((item, index) => (index % 2 === 0 ? String(item).toLowerCase() : item)) as string[]
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  return pairs.flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((item) => [name.toLowerCase(), String(item)]),
  )
}
