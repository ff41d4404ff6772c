import { createHash } from 'node:crypto'
import type { ConfigItem, ConfigKey } from '../../../types.js'
import { isObject } from '../../../util/is-object.js'
import { RequestFailure } from '../failure.js'
import type { WireResponse } from '../wire.js'

/** How much of a server's own words goes into a message. */
const MAX_WORDS = 300

/**
 * Nacos 2 and r-nacos answer bad input with a 500 too. Sending it to the next node would only be refused again, and
 * would count every node as failing. Wording taken from recorded answers.
 */
const BAD_INPUT =
  /errCode: ?400|is required|not present|invalid|illegal|incorrect|should be|must less|must be|is blank|is empty|is None|overflow|not exceed/i

/** Throws what the status says, unless it is a success. */
export function assertSuccess(response: WireResponse): void {
  const { status } = response
  if (status >= 200 && status < 300) return
  const words = wordsOf(response)
  const detail = `HTTP ${status}${words && ` "${words}"`}`
  if (status < 400) throw new RequestFailure('status', `HTTP ${status}, a redirect, which is not followed`)
  if (status === 401 || status === 403) throw new RequestFailure('denied', detail)
  if (status === 404 || status === 410) throw new RequestFailure('no-route', detail)
  if (status < 500 || (status === 500 && BAD_INPUT.test(words))) throw new RequestFailure('refused', detail)
  throw new RequestFailure('status', detail)
}

/** The server's own explanation: the message of an error body, or a short text. */
export function wordsOf({ body }: WireResponse): string {
  const parsed = body.startsWith('{') ? tryJson(body) : undefined
  const { message, data } = isObject(parsed) ? parsed : {}
  const text = [message, data].filter((part) => typeof part === 'string' && part !== '').join(': ') || body
  // A page of HTML explains nothing.
  if (/^\s*</.test(text)) return ''
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line
}

/** @throws RequestFailure `malformed` */
export function parseJson(response: WireResponse): unknown {
  const value = tryJson(response.body)
  if (value === undefined) throw malformed('is not JSON', response)
  return value
}

/** Says what the answer looks like, not what it says: half a config is as secret as a whole one. */
export function malformed(problem: string, { headers, body }: WireResponse): RequestFailure {
  const type = headers['content-type'] ?? 'no content type'
  return new RequestFailure('malformed', `the answer ${problem} (${type}, ${body.length} characters)`)
}

/** A document with the MD5 that Nacos compares: over its text in UTF-8. */
export function configItem(key: ConfigKey, content: string, type: string | undefined): ConfigItem {
  const { namespace, group, dataId } = key
  const md5 = createHash('md5').update(content, 'utf8').digest('hex')
  return { namespace, group, dataId, content, ...(type && { type }), md5 }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
