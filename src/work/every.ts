import type { TimerSchedule } from '../timers/schedule.js'
import type { TimerContext, TimerOptions, TimerWork } from '../timers/timer.js'
import { markMethod } from './handlers.js'

/** Options of `@every`. */
export interface EveryOptions extends TimerOptions {
  /** Of the timer. @default the name of the method */
  readonly name?: string
}

/** What `@every('30s')` and `@on(…)` are: a decorator of a method, TC39's or of TypeScript's older `experimentalDecorators`. */
export interface HandlerDecorator<Handler extends (...args: never) => unknown> {
  <Method extends Handler>(value: Method, context: { readonly kind: 'method'; readonly name: string | symbol }): void
  <Method extends Handler>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<Method>): void
}

/**
 * Runs a method on a schedule, once its object is mounted (`sidecar.mount`): `sidecar.timer` as a decorator.
 *
 * @param schedule `'30s'`, milliseconds, `{ every }`, or `{ cron, timezone }`
 * @throws SidecarError `SIDECAR_MOUNT_INVALID` for what is no public method of an instance; `sidecar.mount` with `SIDECAR_TIMER_INVALID`
 * for a wrong schedule or option
 * @example
 * class Rates { @every('30s', { eager: true }) async refresh({ signal }: TimerContext) { … } }
 * sidecar.mount(new Rates())
 */
export function every(
  schedule: number | string | TimerSchedule,
  { name: given, ...options }: EveryOptions = {},
): HandlerDecorator<(context: TimerContext) => unknown> {
  const rule = typeof schedule === 'object' ? schedule : { every: schedule }
  return markMethod('@every', {
    mount({ timers }, name, handle) {
      return timers.add(given ?? name, rule, handle as TimerWork, options)
    },
  })
}
