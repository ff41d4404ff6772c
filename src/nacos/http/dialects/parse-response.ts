import { createHash } from 'node:crypto'
import type { ConfigItem, ConfigKey } from '../../../types.js'
import { isObject } from '../../../util/is-object.js'
import { isCasConflictText } from '../../cas.js'
import { RequestFailure } from '../failure.js'
import type { WireResponse } from '../wire.js'

/** How much of a server's own words goes into a message. */
const MAX_ERROR_TEXT = 300

/**
 * Nacos 2 and r-nacos answer bad input with a 500 too. Sending it to the next node would only be refused again, and
 * would count every node as failing. Wording taken from recorded answers.
 */
const BAD_INPUT =
  /errCode: ?400|is required|not present|invalid|illegal|incorrect|should be|must less|must be|is blank|is empty|is None|overflow|not exceed/i

/** Throws the failure of the status, unless it is a success. */
export function assertSuccess(response: WireResponse): void {
  const { status } = response
  if (status >= 200 && status < 300) {
    if (isPage(response)) throw pageFailure(response)
    return
  }
  const words = errorTextOf(response)
  const detail = `HTTP ${status}${words && ` "${words}"`}${byGateway(response)}`
  if (status < 400) throw redirectFailure(response)
  if (status === 401 || status === 403) throw new RequestFailure('denied', detail)
  if (NO_ROUTE.has(status)) throw new RequestFailure('no-route', detail)
  if (status === 429 || (status === 503 && response.headers['retry-after'] !== undefined)) {
    throw throttledFailure(response, detail)
  }
  if (status < 500 || (status === 500 && BAD_INPUT.test(words))) throw new RequestFailure('refused', detail)
  const failure = new RequestFailure('status', detail)
  if (isPage(response)) failure.advice = 'A gateway answers for the registry: see whether the registry behind it runs.'
  throw failure
}

/**
 * True where an answer is that of something in front of the API, or of a server without this route: it says nothing
 * about another API of the same server.
 */
export function isFromGateway(response: WireResponse): boolean {
  const { status } = response
  return status === 401 || status === 403 || NO_ROUTE.has(status) || (status >= 300 && status < 400) || isPage(response)
}

export const isNoRoute = ({ status }: WireResponse): boolean => NO_ROUTE.has(status)

/** How a server, or a gateway that knows only some of its paths, shows that it has no such route. */
const NO_ROUTE: ReadonlySet<number> = new Set([404, 405, 410, 501])

/** A compare-and-set that lost its race: by its text, or by a status with no other meaning. */
export function isCasConflict(response: WireResponse): boolean {
  const { status, body } = response
  if (status === 409 || status === 412) return true
  return !isPage(response) && isCasConflictText(body)
}

/** The server's own explanation: the message of an error body, or a short text. */
export function errorTextOf({ body }: WireResponse): string {
  const parsed = body.startsWith('{') ? tryJson(body) : undefined
  const { message, data } = isObject(parsed) ? parsed : {}
  const text = [message, data].filter((part) => typeof part === 'string' && part !== '').join(': ') || body
  // Of a page, its title is all that explains anything.
  if (/^\s*</.test(text)) return titleOf({ status: 0, headers: {}, body: text })
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_ERROR_TEXT ? `${line.slice(0, MAX_ERROR_TEXT)}…` : line
}

/** A page, and not a config document that is one: those come with their type or their MD5. */
function isPage({ headers, body }: WireResponse): boolean {
  if (headers['config-type'] !== undefined || headers['content-md5'] !== undefined) return false
  return /^text\/html\b/i.test(headers['content-type'] ?? '') && /^\s*(<!doctype|<html|<head|<body|<script)/i.test(body)
}

function pageFailure(response: WireResponse): RequestFailure {
  const title = titleOf(response)
  const failure = new RequestFailure(
    'page',
    `HTTP ${response.status}, a page${title && ` "${title}"`} instead of an answer of the API${byGateway(response)}`,
  )
  if (/\bnacos\b/i.test(title)) failure.advice = CONSOLE_ADVICE
  return failure
}

export const CONSOLE_ADVICE =
  'This is the address of the Nacos console. Its API has another port, 8848 unless configured otherwise (the console of Nacos 3 is on 8080): correct cloud.nacos.server-addr.'

function redirectFailure(response: WireResponse): RequestFailure {
  const location = shownLocation(response.headers['location'])
  const failure = new RequestFailure(
    'redirect',
    `HTTP ${response.status}, a redirect${location && ` to ${location}`}${byGateway(response)}`,
  )
  const secured = /^https:\/\/[^/]+/i.exec(location)?.[0]
  if (secured && /\/v[123]\//.test(location)) {
    failure.advice = `The registry answers at ${secured}: write that in cloud.nacos.server-addr.`
  } else if (/\/(next|console-ui|index\.html)|#\/login/i.test(location)) failure.advice = CONSOLE_ADVICE
  return failure
}

/** Without user, query and fragment, which may hold a secret. */
function shownLocation(location: string | undefined): string {
  const path = (location ?? '').replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/]*@/i, '$1//')
  return path.slice(0, MAX_ERROR_TEXT)
}

function throttledFailure({ headers }: WireResponse, detail: string): RequestFailure {
  const retryAfterMs = readRetryAfter(headers['retry-after'])
  const asked = retryAfterMs === undefined ? '' : `, asks to wait ${Math.ceil(retryAfterMs / 1000)} s`
  return Object.assign(new RequestFailure('throttled', `${detail}${asked}`), { retryAfterMs })
}

/** Seconds, or an HTTP date. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const seconds = /^\s*\d+\s*$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined
}

/** Servers of the field that stand in front of Nacos; Nacos itself names none. */
function byGateway({ headers }: WireResponse): string {
  const server = headers['server']
  return server && /^[\w ./()-]{1,60}$/.test(server) ? `, from ${server} in front of the registry` : ''
}

function titleOf({ body }: WireResponse): string {
  const title = /<title[^>]*>([^<]{0,200})/i.exec(body)?.[1] ?? ''
  return title.replace(/\s+/g, ' ').trim().slice(0, 80)
}

/** @throws RequestFailure `malformed` */
export function parseJson(response: WireResponse): unknown {
  const value = tryJson(response.body)
  if (value === undefined) throw malformed('is not JSON', response)
  return value
}

/** Describes the form of the answer, not its content: half a config is as secret as a whole one. */
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
