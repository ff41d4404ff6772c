import Agent from 'undici/lib/dispatcher/agent.js'
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import { CallFigure, callFigures } from '../calls/call-figure.js'
import type { CallRuntime } from '../calls/runtime.js'
import { currentContext } from '../context.js'
import { FixedCall } from './fixed-call.js'
import { LogicalCall } from './logical-call.js'
import { readLogicalUrl } from './logical-name.js'
import { failRequest, relayTo } from './relay.js'
import { withContext } from './with-context.js'

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
      if (url === undefined) {
        new LogicalCall(runtime, target, logical.secure, options, handler, context).start()
        return true
      }
      const { origin } = url
      const name = runtime.directory.nameOf(service)
      const figure = new CallFigure(callFigures(runtime.recorder, options.method, name, { origin }))
      figure.traceparent = context?.traceparent
      figure.openTrace()
      const own = withContext(options, context, runtime.settings.sidecar.versionHeader, figure.trace)
      const to = { ...own, origin, path: url.path + options.path }
      const call = new FixedCall(handler, figure)
      const send = () => this.outside.dispatch(to, call)
      return figure.trace === undefined ? send() : figure.trace.send(send)
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
