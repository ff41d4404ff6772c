import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController

/**
 * A handler as undici 7 calls it, of whichever generation it is: the `fetch` of Node 20 brings an older one. Headers
 * go to an older one as they came, which keeps two `Set-Cookie` apart, and every informational answer is passed on.
 */
export function relayTo(handler: Handler): Handler {
  return handler.onRequestStart === undefined ? new OlderHandler(handler) : handler
}

/** Passes everything on to the handler of the caller. */
export class RelayingHandler implements Handler {
  protected readonly relay: Handler

  constructor(handler: Handler) {
    this.relay = relayTo(handler)
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.relay.onRequestStart?.(controller, context)
  }

  onResponseStarted(): void {
    ;(this.relay as { onResponseStarted?(): void }).onResponseStarted?.()
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.relay.onRequestUpgrade?.(...args)
  }

  onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    this.relay.onResponseStart?.(...args)
  }

  onResponseData(...args: Parameters<NonNullable<Handler['onResponseData']>>): void {
    this.relay.onResponseData?.(...args)
  }

  onResponseEnd(...args: Parameters<NonNullable<Handler['onResponseEnd']>>): void {
    this.relay.onResponseEnd?.(...args)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.relay.onResponseError?.(controller, error)
  }
}

class OlderHandler implements Handler {
  constructor(private readonly handler: Handler) {}

  onRequestStart(controller: Controller, context: object): void {
    const { onConnect } = this.handler as { onConnect?(abort: (reason?: Error) => void, context: object): void }
    onConnect?.call(this.handler, (reason) => controller.abort(reason!), context)
  }

  onResponseStarted(): void {
    this.handler.onResponseStarted?.()
  }

  onRequestUpgrade(controller: Controller, status: number, headers: IncomingHttpHeaders, socket: never): void {
    this.handler.onUpgrade?.(status, rawHeaders(controller, headers), socket)
  }

  onResponseStart(controller: Controller, status: number, headers: IncomingHttpHeaders, text?: string): void {
    const go = this.handler.onHeaders?.(status, rawHeaders(controller, headers), () => controller.resume(), text ?? '')
    if (go === false) controller.pause()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.handler.onData?.(chunk) === false) controller.pause()
  }

  onResponseEnd(_: Controller, trailers: IncomingHttpHeaders): void {
    this.handler.onComplete?.(flatten(trailers) as never)
  }

  onResponseError(_: Controller, error: Error): void {
    this.handler.onError?.(error)
  }
}

/** As they came; made of the parsed ones where a dispatcher between has none. */
export function rawHeaders(controller: Controller, headers: IncomingHttpHeaders): Buffer[] {
  const { rawHeaders: raw } = controller as { rawHeaders?: Buffer[] | null }
  return raw ?? flatten(headers)
}

export function flatten(headers: IncomingHttpHeaders): Buffer[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((each) => [Buffer.from(name, 'latin1'), Buffer.from(each, 'latin1')]),
  )
}

/** Tells a handler that its request failed before undici had it. */
export function failRequest(handler: Handler, error: unknown): void {
  const failure = error instanceof Error ? error : new Error(String(error))
  const controller = { aborted: true, paused: false, reason: failure, abort() {}, pause() {}, resume() {} }
  handler.onResponseError?.(controller, failure)
}
