import type { Dispatcher } from 'undici'
import type { CallFigure } from '../calls/call-figure.js'
import { RelayingHandler } from './relay.js'

type Handler = Dispatcher.DispatchHandler

/** One request to a service at a fixed URL: it is handed on as it is, and its figure is written. */
export class FixedCall extends RelayingHandler {
  private status = 0

  constructor(
    handler: Handler,
    private readonly figure: CallFigure,
  ) {
    super(handler)
    figure.start()
  }

  override onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.figure.count++
    super.onRequestStart(controller, context)
  }

  override onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.figure.end(101)
    super.onRequestUpgrade(...args)
  }

  override onResponseStart(...args: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    const [, status] = args
    if (status >= 200) this.status = status
    this.figure.trace?.onResponse()
    super.onResponseStart(...args)
  }

  override onResponseEnd(...args: Parameters<NonNullable<Handler['onResponseEnd']>>): void {
    this.figure.end(this.status)
    super.onResponseEnd(...args)
  }

  override onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.figure.end(this.status, error)
    super.onResponseError(controller, error)
  }
}
