import type { ServerResponse } from 'node:http'
import { refusalHeaders, type Refusal } from '../auth/decision.js'
import type { DirectAnswer, DirectPage, Failure } from './adapter.js'

/** Answers JSON on the bare response, for frameworks that have not wrapped it. HEAD gets the headers only. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body)
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('content-length', Buffer.byteLength(text))
  response.end(text)
}

/** Answers with a page of the sidecar's own. @param parsed the body of the request, where it was read already */
export function sendPage(response: ServerResponse, page: DirectPage, parsed?: unknown): void {
  const send = ({ status, body, headers }: DirectAnswer) =>
    headers ? sendBytes(response, status, body as string | Buffer, headers) : sendJson(response, status, body)
  const answer = page(parsed)
  if (answer instanceof Promise) void answer.then(send)
  else send(answer)
}

function sendBytes(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (status !== 204) response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
}

export function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  sendJson(response, refusal.status, refusal.body, refusalHeaders(refusal))
}

/** What answers an error where there is no framework: its text is for the log alone. */
export function sendFailure(response: ServerResponse, failure: Failure): void {
  failure.log()
  sendJson(response, 500, { code: 500, message: 'Internal Server Error' })
}
