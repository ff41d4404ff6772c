import type { Dispatcher } from 'undici'
import type { CallFigure } from '../calls/call-figure.js'
import { relayTo } from './relay.js'

type Handler = Dispatcher.DispatchHandler

/** One request to a service at a fixed URL: it is handed on as it is, and its figure is written. */
export class FixedCall implements Handler {
  private readonly relay: Handler
  private status = 0

  constructor(
    handler: Handler,
    private readonly figure: CallFigure,
  ) {
    this.relay = relayTo(handler)
    figure.start()
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.figure.count++
    this.relay.onRequestStart?.(controller, context)
  }

  onResponseStarted(): void {
    ;(this.relay as { onResponseStarted?(): void }).onResponseStarted?.()
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.figure.end(101)
    this.relay.onRequestUpgrade?.(...args)
  }

  onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    const [, status] = args
    if (status >= 200) this.status = status
    this.figure.trace?.onResponse()
    this.relay.onResponseStart?.(...args)
  }

  onResponseData(...args: Parameters<NonNullable<Handler['onResponseData']>>): void {
    this.relay.onResponseData?.(...args)
  }

  onResponseEnd(...args: Parameters<NonNullable<Handler['onResponseEnd']>>): void {
    this.figure.end(this.status)
    this.relay.onResponseEnd?.(...args)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.figure.end(this.status, error)
    this.relay.onResponseError?.(controller, error)
  }
}
