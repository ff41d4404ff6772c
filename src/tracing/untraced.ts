import type { Context } from '@opentelemetry/api'
import { activeContext, registeredApi, type RegisteredApi } from './registered-api.js'

/** By which SDKs and instrumentations know that nothing is to be traced: no span, no header. */
const SUPPRESSED = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/**
 * A scope without spans, until it ends. What is made in it (a socket, a stream with listeners of the app's) outlives the
 * scope and keeps its context: from then on it is the context around it again, so that what the app does there is traced.
 * A tracer that knows no suppressed contexts (dd-trace) makes its spans below `within`.
 */
export class UntracedScope {
  private ended = false
  private readonly context: Context

  constructor(
    private readonly api: RegisteredApi,
    around: Context,
    within: Context = around,
  ) {
    this.context = new ScopedContext(around, within, () => !this.ended)
  }

  run<T>(work: () => T): T {
    const { context: manager } = this.api
    return manager === undefined ? work() : manager.with(this.context, work)
  }

  end(): void {
    this.ended = true
  }
}

class ScopedContext implements Context {
  constructor(
    private readonly around: Context,
    private readonly within: Context,
    private readonly lasts: () => boolean,
  ) {}

  getValue(key: symbol): unknown {
    if (!this.lasts()) return this.around.getValue(key)
    return key === SUPPRESSED ? true : this.within.getValue(key)
  }

  setValue(key: symbol, value: unknown): Context {
    return new ScopedContext(this.around.setValue(key, value), this.within.setValue(key, value), this.lasts)
  }

  /** To trace in spite of all is said by the removal of the key. */
  deleteValue(key: symbol): Context {
    const [around, within] = [this.around.deleteValue(key), this.within.deleteValue(key)]
    return key === SUPPRESSED ? (this.lasts() ? within : around) : new ScopedContext(around, within, this.lasts)
  }
}

/** A scope around the present context; `undefined` without an SDK. */
export function untracedScope(): UntracedScope | undefined {
  const api = registeredApi()
  return api && new UntracedScope(api, activeContext(api))
}

/** Runs what no request of the app asks for (the registry, reports, alerts): it makes no spans, and sends no trace. */
export function untraced<T>(work: () => T): T {
  const scope = untracedScope()
  return scope === undefined ? work() : scope.run(work)
}
