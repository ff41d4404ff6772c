import type { ServiceRoute } from '../balance/service-route.js'
import type { AttemptRules } from '../calls/attempts.js'
import type { CallFigures } from '../calls/call-figure.js'
import type { Breaker } from '../calls/breaker.js'
import type { Pools } from '../calls/pools.js'
import type { TimerQueue } from '../util/timer-queue.js'
import type { BindingRules, Verb } from './bind.js'
import type { ExchangeRules } from './exchange.js'
import type { HashKey } from './hash-key.js'
import type { Interceptor } from './interceptor.js'
import type { FallbackFunction, MethodOptions } from './options.js'
import type { Answer, ResponseRules } from './response.js'

/** One method of a client as its author wrote it. */
export interface MethodSpec {
  readonly verb: Verb
  readonly path: string
  readonly options: MethodOptions
}

/** A method with its client, settings and runtime worked in: made once, read by every call. */
export interface CompiledMethod extends BindingRules, AttemptRules, ExchangeRules, ResponseRules {
  readonly verb: Verb
  /** The client's property, for fallbacks. */
  readonly property: string
  /** Logical name or base URL, for errors. */
  readonly service: string
  /** Discovered, or else `origin` is set. */
  readonly route: ServiceRoute | undefined
  readonly origin: string | undefined
  /** Reads the key of consistent hashing out of a call. */
  readonly hashKey: HashKey | undefined
  readonly pools: Pools
  readonly forwards: boolean
  /** Header that the wanted version travels in; empty for none. */
  readonly versionHeader: string
  /** Of the whole call; `Infinity` for none, as below. */
  readonly timeoutMs: number
  /** Of `timeoutMs`; `undefined` for none. */
  readonly deadlines: TimerQueue | undefined
  readonly breaker: Breaker | undefined
  readonly figures: CallFigures
  readonly interceptors: readonly Interceptor[]
  readonly fallback: FallbackFunction | undefined
  /** Makes the value of a call of its answer. */
  readonly readResponse: (answer: Answer) => unknown
}
