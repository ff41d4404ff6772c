import { timeoutOf } from '../util/duration.js'
import { LONGEST_TIMER_MS } from '../util/longest-timer.js'
import { isSchema, type StandardSchema } from '../util/standard-schema.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { EventRetry, OnOptions } from './event.js'
import { checkPart, invalid } from './names.js'
import type { EventSettings } from './settings.js'

export interface RetryRules {
  readonly attempts: number
  readonly delayMs: number
  readonly factor: number
  readonly maxDelayMs: number
}

/** The options of one handler, checked. */
export interface HandlerRules {
  readonly mode: NonNullable<OnOptions['mode']>
  readonly handler: string
  readonly concurrency: number | undefined
  /** Those of the settings may change. */
  retry(settings: EventSettings): RetryRules
  readonly schema: StandardSchema | undefined
  readonly timeoutMs: number | undefined
}

const ON: OptionNames<OnOptions> = {
  ...{ mode: true, name: true, concurrency: true, retry: true, schema: true, timeout: true },
}
const RETRY: OptionNames<EventRetry> = { attempts: true, delay: true, factor: true, maxDelay: true }
const MODES: readonly unknown[] = ['pool', 'singleton', 'broadcast']
/** Of AMQP. */
const MAX_PREFETCH = 65_535

/** @throws SidecarError `SIDECAR_EVENT_INVALID` */
export function readRules(where: string, type: string, options: OnOptions): HandlerRules {
  if (typeof options !== 'object' || options === null) throw invalid(where, 'options are an object')
  refuseUnknown(options, ON, (why) => invalid(where, why))
  const { mode = 'pool', name = type, concurrency, retry = {}, schema, timeout } = options
  if (!MODES.includes(mode)) throw invalid(where, 'mode is one of pool, singleton, broadcast')
  if (concurrency !== undefined) checkCount(where, 'concurrency', concurrency, MAX_PREFETCH)
  if (schema !== undefined && !isSchema(schema))
    throw invalid(where, 'schema: expected a Standard Schema (zod, valibot, arktype)')
  return {
    mode,
    handler: checkPart(where, 'name', name),
    concurrency,
    retry: readRetry(where, retry),
    schema,
    timeoutMs: timeoutOf('timeout', timeout, undefined, (why) => invalid(where, why)),
  }
}

function readRetry(where: string, retry: EventRetry | false): HandlerRules['retry'] {
  if (retry === false) return ({ retry: own }) => ({ ...own, attempts: 1 })
  if (typeof retry !== 'object' || retry === null) throw invalid(where, 'retry is an object, or false')
  refuseUnknown(retry, RETRY, (why) => invalid(where, `retry: ${why}`))
  const { attempts, delay, factor, maxDelay } = retry
  if (attempts !== undefined) checkCount(where, 'retry.attempts', attempts, 1_000_000)
  if (factor !== undefined && !(typeof factor === 'number' && factor >= 1 && factor <= 1_000))
    throw invalid(where, 'retry.factor: expected a number 1–1000')
  const own: Partial<RetryRules> = {
    ...(attempts !== undefined && { attempts }),
    ...(factor !== undefined && { factor }),
    ...(delay !== undefined && { delayMs: delayOf(where, 'retry.delay', delay) }),
    ...(maxDelay !== undefined && { maxDelayMs: delayOf(where, 'retry.maxDelay', maxDelay) }),
  }
  return (settings) => ({ ...settings.retry, ...own })
}

/** Before the attempt that follows this one. Whole milliseconds: each delay is a queue of its own in RabbitMQ. */
export function delayAfter(attempt: number, { delayMs, factor, maxDelayMs }: RetryRules): number {
  return Math.round(Math.min(delayMs * factor ** (attempt - 1), Math.max(maxDelayMs, delayMs), LONGEST_TIMER_MS))
}

/** 0 is none. */
function delayOf(where: string, what: string, value: number | string): number {
  return value === 0 ? 0 : timeoutOf(what, value, 0, (why) => invalid(where, why))
}

function checkCount(where: string, what: string, value: unknown, max: number): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return
  throw invalid(where, `${what}: expected an integer 1–${max}, got ${String(value)}`)
}
