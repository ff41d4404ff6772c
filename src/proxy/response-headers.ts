import type { ServerResponse } from 'node:http'
import { hasNoBody } from '../calls/response-head.js'
import { DRAIN_HEADER } from '../drain-header.js'
import { HOP_BY_HOP } from '../util/header-rules.js'
import { namesIn, via } from './request-headers.js'

/** What the app and the instance may both say: each keeps its own. */
const ADDED = new Set(['set-cookie', 'vary', 'link'])

/** Header names and values by turns, as undici has read them. */
export type RawHeaders = readonly (Buffer | string)[]

/**
 * Sets the headers of an instance's response on the client's. What the app has set before stays, where the instance says
 * nothing of it.
 *
 * @param map changes the value of a header
 * @throws Error for a transfer coding that was left on the body
 */
export function copyHeaders(
  response: ServerResponse,
  status: number,
  raw: RawHeaders,
  map: ((name: string, value: string) => string) | undefined,
): void {
  const headers = new Map<string, string[]>()
  let dropped: Set<string> | undefined
  let passed: string | undefined
  for (let at = 0; at < raw.length; at += 2) {
    const name = text(raw[at]!)
    const key = name.toLowerCase()
    const value = text(raw[at + 1]!)
    if (key === 'connection' && !/^\s*(?:keep-alive|close)\s*$/i.test(value)) dropped = namesIn(value)
    else if (key === 'transfer-encoding' && value.trim().toLowerCase() !== 'chunked')
      throw new Error(`the transfer coding ${value.slice(0, 40)} is not understood`)
    else if (key === 'via') passed = passed === undefined ? value : `${passed}, ${value}`
    if (key === 'content-length' ? hasNoBody(status) && status !== 304 : HOP_BY_HOP.has(key)) continue
    if (key === DRAIN_HEADER || key === 'via') continue
    const known = headers.get(key)
    const mapped = map === undefined ? value : map(key, value)
    if (known === undefined) headers.set(key, [name, mapped])
    else known.push(mapped)
  }
  for (const [key, [name, ...values]] of headers) {
    if (dropped?.has(key) && key !== 'content-length') continue
    const before = ADDED.has(key) ? response.getHeader(key) : undefined
    const all = before === undefined ? values : [...[before].flat().map(String), ...values]
    response.setHeader(name!, all.length === 1 ? all[0]! : all)
  }
  response.setHeader('Via', via(passed, '1.1'))
}

function text(bytes: Buffer | string): string {
  return typeof bytes === 'string' ? bytes : bytes.toString('latin1')
}
