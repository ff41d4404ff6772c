import { STATUS_CODES } from 'node:http'

/** An answer, before it is written. */
export interface Reply {
  readonly status: number
  readonly body: string | Buffer
  /** No `Content-Type` header where it is left out. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer that is written as it comes, until the caller is gone or the server stops. */
export interface StreamReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** @returns ends it */
  stream(write: (text: string) => void): () => void
}

/** Ends the handling of a request with this answer. */
export class Refusal extends Error {
  constructor(readonly reply: Reply) {
    super(reply.body.toString())
  }
}

export const TEXT = 'text/plain;charset=UTF-8'
export const JSON_TYPE = 'application/json'
/** What the v1 config API says even of plain text. */
export const JSON_UTF8 = 'application/json;charset=UTF-8'

export function text(body: string, status = 200, type = TEXT): Reply {
  return { status, body, type }
}

export function json(body: unknown, status = 200, type = JSON_TYPE): Reply {
  return { status, body: JSON.stringify(body), type }
}

/** The v3 envelope. */
export function result(data: unknown, code = 0, message = 'success', status = 200): Reply {
  return json({ code, message, data }, status)
}

/** A v1 error with the exception's words wrapped, as the config API and all of 2.x have them. */
export function caused(status: number, why: string, type = TEXT): Reply {
  return text(`caused: ${why};`, status, type)
}

/** Spring's own error page, as JSON. */
export function errorPage(status: number, message: string, path: string): Reply {
  const type = path.startsWith('/nacos/v1/cs/') ? JSON_UTF8 : JSON_TYPE
  const timestamp = new Date().toISOString().replace('Z', '+00:00')
  return json({ timestamp, status, error: STATUS_CODES[status], message, path }, status, type)
}

/** Logins that failed too often: Nacos counts none, a registry on a developer's machine should. */
export function tooMany(waitMs: number, path: string): Refusal {
  const seconds = Math.ceil(waitMs / 1_000)
  const page = errorPage(429, `Too many failed logins. Try again in ${seconds} s.`, path)
  return new Refusal({ ...page, headers: { 'Retry-After': String(seconds) } })
}
