import { SidecarError } from '../errors.js'
import type { StandardSchema } from '../util/standard-schema.js'
import { unknownOption, type OptionNames } from '../util/unknown-option.js'
import type { BreakerOptions } from '../calls/breaker.js'
import { isObject } from '../util/is-object.js'
import type { ClientOptions, UnwrapOptions } from './options.js'
import type { QueryStyle } from './query.js'

/** Every option; numbers with their unit. */
const OPTIONS: Record<keyof ClientOptions, string | undefined> = {
  name: undefined,
  path: undefined,
  url: undefined,
  timeoutMs: 'milliseconds',
  connectTimeoutMs: 'milliseconds',
  readTimeoutMs: 'milliseconds',
  attemptTimeoutMs: 'milliseconds',
  maxConnections: 'connections',
  retry: 'further attempts',
  headers: undefined,
  queryStyle: undefined,
  result: undefined,
  decode404: undefined,
  unwrap: undefined,
  json: undefined,
  validate: undefined,
  interceptors: undefined,
  fallback: undefined,
  maxResponseBytes: 'bytes',
  balancer: undefined,
  hashBy: undefined,
  filter: undefined,
  version: undefined,
  breaker: undefined,
  expected: undefined,
  forwardContext: undefined,
}

/**
 * Checks for plain JavaScript what the compiler checks for TypeScript: `timeout: 500` or `timeoutMs: '5s'` would be no
 * limit.
 *
 * @param whose the client, or its method
 * @throws SidecarError `SIDECAR_CLIENT_INVALID`
 */
export function checkOptions(options: object, whose: string): void {
  const unknown = unknownOption(options, OPTIONS)
  if (unknown !== undefined) throwInvalidOption(`${whose} has ${unknown}`)
  for (const [key, value] of Object.entries(options)) {
    checkParts(key, value, whose)
    checkKind(key, value, whose)
    const unit = OPTIONS[key as keyof ClientOptions]
    if (
      unit === undefined ||
      value === undefined ||
      (typeof value === 'number' && value >= (key === 'maxConnections' ? 1 : 0))
    )
      continue
    throwInvalidOption(
      `${key} of ${whose}: expected a number of ${unit}, ${key === 'maxConnections' ? 1 : 0} or more, got ${typeof value === 'string' ? `"${value}"` : String(value)}`,
    )
  }
}

/** Options that are objects themselves. */
const PARTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  breaker: { failures: true, openForMs: true } satisfies OptionNames<BreakerOptions>,
  unwrap: { code: true, data: true, message: true, success: true } satisfies OptionNames<UnwrapOptions>,
  queryStyle: { arrays: true, objects: true } satisfies OptionNames<QueryStyle>,
}

function checkParts(key: string, value: unknown, whose: string): void {
  const known = PARTS[key]
  const unknown = known && isObject(value) ? unknownOption(value, known) : undefined
  if (unknown !== undefined) throwInvalidOption(`${key} of ${whose} has ${unknown}`)
}

/** What is called or asked at a call, and would be a TypeError there. */
function checkKind(key: string, value: unknown, whose: string): void {
  if (value === undefined) return
  if (key === 'interceptors' && !(Array.isArray(value) && value.every((one) => typeof one === 'function')))
    throwInvalidOption(`interceptors of ${whose}: expected a list of functions`)
  if (key === 'expected' && typeof value !== 'function') throwInvalidOption(`expected of ${whose}: expected a function`)
  if (key === 'validate' && typeof (value as Partial<StandardSchema> | null)?.['~standard']?.validate !== 'function')
    throwInvalidOption(
      `validate of ${whose}: expected a schema of zod, valibot, arktype or another one of Standard Schema`,
    )
}

function throwInvalidOption(why: string): never {
  throw new SidecarError('SIDECAR_CLIENT_INVALID', why)
}
