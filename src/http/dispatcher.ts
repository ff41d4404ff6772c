import Agent from 'undici/lib/dispatcher/agent.js'
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import { CallFigure, callFigures } from '../calls/call-figure.js'
import type { CallRuntime } from '../calls/runtime.js'
import { isUnknownHost, type NamePolicy } from '../calls/service-names.js'
import type { FixedTarget } from '../calls/target.js'
import { currentContext } from '../context.js'
import { FixedCall } from './fixed-call.js'
import { LogicalCall } from './logical-call.js'
import { listedBy, readLogicalUrl, type LogicalUrl } from './logical-name.js'
import { failRequest, RelayingHandler, relayTo } from './relay.js'
import { withContext, withoutHostOf } from './with-context.js'

type Options = Dispatcher.DispatchOptions
type Handler = Dispatcher.DispatchHandler

/** The service that a caller has named, where a parsed URL does not preserve the name. */
interface NamedService extends Pick<LogicalUrl, 'service' | 'sure'> {
  /** Of the URL, as it is parsed. */
  readonly origin: string
}

export interface SidecarDispatcherOptions {
  /** How a plain host name is told from a host of the network. @default known */
  readonly names?: NamePolicy | undefined
  /** Of undici's Agent, for everything that is no logical name. */
  readonly agent?: Agent.Options | undefined
}

/**
 * An undici dispatcher that knows logical names: `http://user-service/…` goes to an instance, with the caller's token
 * and trace; every other origin is used as it is. URLs are lower-cased before they come here, and so are the names:
 * see `calling`.
 */
export class SidecarDispatcher extends Dispatcher {
  /** Everything that is no logical name. */
  readonly outside: Agent
  private readonly policy: NamePolicy
  private readonly named: NamedService | undefined

  constructor(
    private readonly runtime: () => CallRuntime,
    { names = 'known', agent }: SidecarDispatcherOptions = {},
  ) {
    super()
    this.policy = names
    this.outside = new Agent(agent)
  }

  /** The same for one request, its redirects included, to a service that its URL alone does not tell. */
  calling(named: NamedService): Dispatcher {
    return Object.create(this, { named: { value: named } }) as Dispatcher
  }

  override dispatch(options: Options, handler: Handler): boolean {
    try {
      const logical = this.read(String(options.origin ?? ''))
      if (logical === undefined) return this.outside.dispatch(options, handler)
      const runtime = this.runtime()
      const known = logical.sure || runtime.names.isService(logical.service, this.policy)
      if (known === true) this.send(runtime, logical, options, handler)
      else if (known === false) return this.sendOutside(runtime, logical, options, handler)
      else void this.sendWhenKnown(known, runtime, logical, options, handler)
    } catch (error) {
      failRequest(relayTo(handler), error)
    }
    return true
  }

  /** Sends a request to a service, whatever its origin says. */
  send(runtime: CallRuntime, { service, secure }: LogicalUrl, options: Options, handler: Handler): void {
    const target = runtime.target(service)
    const context = target.url === undefined || target.forwards ? currentContext() : undefined
    if (target.url === undefined) new LogicalCall(runtime, target, secure, options, handler, context).start()
    else this.sendFixed(runtime, service, target, options, handler)
  }

  private sendFixed(
    { recorder, directory, settings }: CallRuntime,
    service: string,
    { url: { origin, path }, forwards }: FixedTarget,
    options: Options,
    handler: Handler,
  ): void {
    const context = forwards ? currentContext() : undefined
    const figure = new CallFigure(callFigures(recorder, options.method, directory.nameOf(service), { origin }))
    figure.traceparent = context?.traceparent
    figure.openTrace()
    const plain = withoutHostOf(service, options)
    const own = withContext(plain, context, settings.sidecar.versionHeader, figure.trace)
    const to = { ...own, origin, path: path + options.path }
    const call = new FixedCall(handler, figure)
    const send = () => this.outside.dispatch(to, call)
    if (figure.trace === undefined) send()
    else figure.trace.send(send)
  }

  private async sendWhenKnown(
    known: Promise<boolean>,
    runtime: CallRuntime,
    logical: LogicalUrl,
    options: Options,
    handler: Handler,
  ): Promise<void> {
    try {
      if (await known) this.send(runtime, logical, options, handler)
      else this.sendOutside(runtime, logical, options, handler)
    } catch (error) {
      failRequest(relayTo(handler), error)
    }
  }

  /** The registry knows no such service, and DNS is asked as without a sidecar. What DNS does not know either is an error of ours. */
  private sendOutside(runtime: CallRuntime, logical: LogicalUrl, options: Options, handler: Handler): boolean {
    const { directory } = runtime
    if (directory.peek(logical.service) === undefined) return this.outside.dispatch(options, handler)
    const call = new HostCall(handler, () => this.send(runtime, logical, options, handler))
    return this.outside.dispatch(options, call)
  }

  private read(origin: string): LogicalUrl | undefined {
    const { named } = this
    const logical = readLogicalUrl(origin, listedBy(this.runtime))
    if (named === undefined || origin !== named.origin) return logical
    return { rest: '', secure: origin.startsWith('https:'), ...named }
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

/** A request to a host whose name may be that of a service which the registry does not list. */
class HostCall extends RelayingHandler {
  constructor(
    handler: Handler,
    /** Sends it as the call of a service. */
    private readonly sendToService: () => void,
  ) {
    super(handler)
  }

  override onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (isUnknownHost(error) && !controller?.aborted) return this.sendToService()
    super.onResponseError(controller, error)
  }
}
