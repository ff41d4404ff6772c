import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { processSlot } from '../process-state.js'

/** What travels with a piece of work from service to service, by Nameko's names: `user_id`, `language`, `call_id_stack`, … */
export type NamekoContext = Readonly<Record<string, unknown>>

const PREFIX = 'nameko.'
const CALLS = 'call_id_stack'
/** As Nameko's `parent_calls_tracked` has it by default, and the call itself. */
const CALLS_KEPT = 11
/** They are sent by rules of their own: the token by a setting, the trace from the active span. */
const NOT_PASSED_ON = new Set(['auth_token', 'traceparent', 'tracestate', CALLS])

const storage = processSlot('namekoContext', () => new AsyncLocalStorage())

/** The context in the headers of a message. Nameko sends every header on with its prefix. */
export function namekoContextOf(headers: Readonly<Record<string, unknown>>): NamekoContext {
  const context: Record<string, unknown> = {}
  for (const name of Object.keys(headers))
    if (name.startsWith(PREFIX)) setOwn(context, name.slice(PREFIX.length), headers[name])
  return context
}

/** One call, as what is sent inside sees it. Made when that asks for it: most handlers send nothing. */
export class WithinNamekoCall {
  #context: NamekoContext | undefined

  constructor(
    private readonly came: () => NamekoContext,
    private readonly name: string,
  ) {}

  get context(): NamekoContext {
    if (this.#context === undefined) {
      const came = this.came()
      this.#context = { ...came, [CALLS]: [...callsOf(came), idOf(this.name)].slice(-CALLS_KEPT) }
    }
    return this.#context
  }
}

/**
 * Runs `work` as one call of the context that came with a message: what is sent inside carries it on.
 *
 * @param came makes that context
 * @param name of the call: `{service}.{handler}`
 */
export function runAsNamekoCall<T>(came: () => NamekoContext, name: string, work: () => T): T {
  return storage.run(new WithinNamekoCall(came, name), work)
}

/** The context of the message that is worked on, if any. */
export function currentNamekoContext(): NamekoContext | undefined {
  return storage.getStore()?.context
}

/**
 * Headers that carry the context of the work on; outside of any, those of a new call.
 *
 * @param name of a new call: `{service}.{what it does}`
 * @param more further context; it wins
 */
export function namekoHeaders(name: string, more: NamekoContext = {}): Record<string, unknown> {
  const context = currentNamekoContext()
  const headers: Record<string, unknown> = {}
  if (context !== undefined) addHeaders(headers, context, NOT_PASSED_ON)
  addHeaders(headers, more)
  headers[PREFIX + CALLS] = context === undefined ? [idOf(name)] : callsOf(context)
  return headers
}

/** Context data as headers. What has no value is left out, as in Nameko. */
export function namekoHeadersOf(context: NamekoContext): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  addHeaders(headers, context)
  return headers
}

function addHeaders(headers: Record<string, unknown>, context: NamekoContext, without?: ReadonlySet<string>): void {
  for (const key of Object.keys(context)) {
    const value = context[key]
    if (value !== undefined && value !== null && !without?.has(key)) headers[PREFIX + key] = value
  }
}

/** `__proto__` is a name like any other: it comes from outside. */
function setOwn(of: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') of[name] = value
  else Object.defineProperty(of, name, { value, configurable: true, enumerable: true, writable: true })
}

const idOf = (name: string) => `${name}.${randomUUID()}`

function callsOf({ [CALLS]: calls }: NamekoContext): readonly unknown[] {
  return Array.isArray(calls) ? calls : []
}
