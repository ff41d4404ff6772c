import type { UnwrapOptions } from './options.js'

/** What an envelope holds. */
export type Unwrapped = { readonly ok: true; readonly data: unknown } | { readonly ok: false; readonly reason: string }

/** Reads `{ code, message, data }`; a body without a code is no envelope and stays as it is. */
export function unwrapEnvelope(body: unknown, options: UnwrapOptions): Unwrapped {
  const codeKey = options.code ?? 'code'
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, codeKey)) return { ok: true, data: body }
  const envelope = body as Readonly<Record<string, unknown>>
  const code = envelope[codeKey]
  const success = options.success ?? [0, 200]
  if (success.some((each) => each === code || String(each) === code)) {
    return { ok: true, data: envelope[options.data ?? 'data'] }
  }
  const message = envelope[options.message ?? (Object.hasOwn(envelope, 'message') ? 'message' : 'msg')]
  return {
    ok: false,
    reason: `code ${JSON.stringify(code)}${typeof message === 'string' && message ? `: ${message.slice(0, 200)}` : ''}`,
  }
}
