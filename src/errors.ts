import { printable } from './util/printable.js'

/**
 * Every error the package throws carries one of these codes; docs/errors.md explains what each means and what to do.
 */
export type SidecarErrorCode =
  | 'SIDECAR_SETTINGS_NOT_FOUND'
  | 'SIDECAR_SETTINGS_UNREADABLE'
  | 'SIDECAR_SETTINGS_SYNTAX'
  | 'SIDECAR_SETTINGS_INVALID'
  | 'SIDECAR_PLACEHOLDER_UNRESOLVED'
  | 'SIDECAR_PLACEHOLDER_CYCLE'
  | 'SIDECAR_CONFIG_NOT_READY'
  | 'SIDECAR_CONFIG_NOT_FOUND'
  | 'SIDECAR_CONFIG_INVALID'
  | 'SIDECAR_CONFIG_TOO_LARGE'
  | 'SIDECAR_CONFIG_TYPE'
  | 'SIDECAR_ENV_INVALID'
  | 'SIDECAR_REGISTRY_UNAVAILABLE'
  | 'SIDECAR_REGISTRY_REFUSED'
  | 'SIDECAR_REGISTRY_ANSWER'
  | 'SIDECAR_REGISTRY_LOGIN'
  | 'SIDECAR_REGISTRY_UNSUPPORTED'
  | 'SIDECAR_NO_INSTANCE'
  | 'SIDECAR_CALL_FAILED'
  | 'SIDECAR_CALL_TIMEOUT'
  | 'SIDECAR_CALL_ABORTED'
  | 'SIDECAR_CALL_STATUS'
  | 'SIDECAR_CALL_BODY'
  | 'SIDECAR_CALL_INVALID'
  | 'SIDECAR_CIRCUIT_OPEN'
  | 'SIDECAR_PROXY_INVALID'
  | 'SIDECAR_PROXY_REQUEST'
  | 'SIDECAR_CLIENT_INVALID'
  | 'SIDECAR_AUTH_SETTINGS'
  | 'SIDECAR_APP_UNSUPPORTED'
  | 'SIDECAR_ALREADY_STARTED'
  | 'SIDECAR_START_FAILED'
  | 'SIDECAR_HOOK_INVALID'
  | 'SIDECAR_RESOURCE_UNAVAILABLE'
  | 'SIDECAR_AROUND_INVALID'
  | 'SIDECAR_WORK_LIMIT'
  | 'SIDECAR_MOUNT_INVALID'
  | 'SIDECAR_TIMER_INVALID'
  | 'SIDECAR_TIMER_TIMEOUT'
  | 'SIDECAR_EVENT_INVALID'
  | 'SIDECAR_EVENT_NOT_SENT'
  | 'SIDECAR_EVENT_TIMEOUT'
  | 'SIDECAR_BROKER_UNAVAILABLE'
  | 'SIDECAR_NAMEKO_REMOTE'
  | 'SIDECAR_NAMEKO_INVALID'
  | 'SIDECAR_STOPPED'
  | 'SIDECAR_SERVICE_INVALID'
  | 'SIDECAR_SERVICE_NONE'
  | 'SIDECAR_BACKEND_MISSING'
  | 'SIDECAR_LISTEN_FAILED'
  | 'SIDECAR_MANAGEMENT_PORT'
  | 'SIDECAR_DEV_SERVER'
  | 'SIDECAR_TEST_INVALID'
  | 'SIDECAR_TEST_TIMEOUT'
  | 'SIDECAR_FAKE_MISSING'

/**
 * The base of every error this package throws. `instanceof` knows it across copies of the package: the one that
 * `import` loads and the one that `require` loads, or two installed ones.
 *
 * @example
 * try { await initSidecar(app) } catch (error) {
 *   if (error instanceof SidecarError && error.code === 'SIDECAR_SETTINGS_NOT_FOUND') …
 * }
 */
export class SidecarError extends Error {
  declare readonly name: string

  constructor(
    /** Stable across releases; compare this, never the message. */
    readonly code: SidecarErrorCode,
    /**
     * What failed, where, why, and what to do. Never holds a secret; control characters in it are escaped, line breaks
     * as well unless `lines` says that they are meant.
     */
    message: string,
    options?: { cause?: unknown; lines?: boolean },
  ) {
    super(options?.lines ? message : printable(message), options)
  }
}
defineErrorClass(SidecarError, 'SidecarError', 'nacos-sidecar.error')

/**
 * Gives an error class its name, whatever a minifier made of it, and lets `instanceof` recognise the instances of every
 * copy of the class, by a symbol that all copies share. Subclasses keep the usual `instanceof`.
 */
export function defineErrorClass(type: { readonly prototype: Error }, name: string, symbol: string): void {
  const brand = Symbol.for(symbol)
  // On the prototype, so that the stack, which is written before a field could be set, begins with it.
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true })
  Object.defineProperty(type.prototype, brand, { value: true })
  // Node prints the name of the class, too, where the two differ.
  Object.defineProperty(type, 'name', { value: name, configurable: true })
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, error: unknown) {
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this as () => void, error)
      return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[brand] === true
    },
  })
}

/**
 * The message of anything thrown, for use inside another message. It never throws itself: an app may throw what has no text, or
 * whose `message` is no text or cannot be read. The errors of another realm are no `Error` here.
 */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof AggregateError && !error.message) return error.errors.map(messageOf).join('; ')
    const { message } = (typeof error === 'object' && error !== null ? error : {}) as { message?: unknown }
    return typeof message === 'string' ? message : String(error)
  } catch {
    return 'something without a readable message was thrown'
  }
}

/** What an error of any kind says under this name, if it can be read at all. */
export function fieldOf(error: unknown, name: 'code' | 'name' | 'status'): unknown {
  try {
    return ((error ?? {}) as Partial<Record<typeof name, unknown>>)[name]
  } catch {
    return undefined
  }
}

/** The `TypeError` of `fetch` says only `fetch failed`; the reason is its cause. */
export function reasonBehind(error: unknown): unknown {
  return error instanceof TypeError && error.cause !== undefined ? error.cause : error
}

/** Why a request failed: the message of its error, with its code where the message lacks it. */
export function reasonOf(error: unknown): string {
  const told = reasonBehind(error)
  const message = messageOf(told)
  const code = anyCodeOf(told)
  return code !== undefined && !message.includes(code) ? `${message} (${code})` : message
}

/** The code of a `SidecarError`; `undefined` for anything else that is thrown. */
export function codeOf(error: unknown): SidecarErrorCode | undefined {
  return error instanceof SidecarError ? error.code : undefined
}

/** `ECONNREFUSED`, `SIDECAR_NO_INSTANCE`: the code of an error of any kind. */
export function anyCodeOf(error: unknown): string | undefined {
  const code = fieldOf(error, 'code')
  return typeof code === 'string' ? code : undefined
}

/** Its code, or else its name. Fit for figures and logs; a message may hold what was sent. */
export function codeOrNameOf(error: unknown): string | undefined {
  const name = fieldOf(error, 'name')
  return anyCodeOf(error) ?? (typeof name === 'string' ? name : undefined)
}
