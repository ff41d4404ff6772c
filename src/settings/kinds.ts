import { isIP } from 'node:net'
import * as z from 'zod'
import { messageOf } from '../errors.js'
import { parseDuration } from '../util/duration.js'
import { flagOf } from '../util/flag.js'
import { HOP_BY_HOP, isHeaderName } from '../util/header-rules.js'
import { LONGEST_TIMER_MS } from '../util/longest-timer.js'
import { readRule } from './alert-rule.js'
import { parseEndpoint, parseServerAddresses } from './server-address.js'

/**
 * The kinds of value a setting can have. Each takes text as well as the native type, since the environment, the
 * command line and a placeholder only ever give text; each says in its error what it expects.
 */

/** Text in the published JSON schema: what a value may look like, or a placeholder, which may become anything. */
const written = (pattern: string) => z.string().meta({ pattern: `^\\s*(?:${pattern})\\s*$|[$][{<]` })

/** Milliseconds; text may say `500`, `500ms`, `10s`, `2m`, `1h` or Java's `PT10S`. */
export const durationMs = z
  .union([z.number().nonnegative(), written(String.raw`\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)?|PT[\dHMS.]+`)], {
    error: 'expected a duration such as 500, 500ms, 10s or 2m',
  })
  .transform((value, context) => {
    const ms = typeof value === 'number' ? value : parseDuration(value)
    // 25 days.
    if (ms !== undefined) return Math.min(ms, LONGEST_TIMER_MS)
    context.addIssue({ code: 'custom', message: 'expected a duration such as 500, 500ms, 10s or 2m' })
    return z.NEVER
  })

/** `auto`, or what the kind takes. */
export const autoOr = <Kind extends z.ZodType>(kind: Kind, expected: string) =>
  z.union(
    [
      z
        .string()
        .meta({ pattern: String.raw`^\s*[aA][uU][tT][oO]\s*$` })
        .transform((value) => value.trim().toLowerCase())
        .pipe(z.literal('auto')),
      kind,
    ],
    { error: expected },
  )

/** A deadline or an interval, of which 0 would be one that nothing can keep. */
export const positiveMs = durationMs.refine((ms) => ms > 0, 'expected a duration above 0')

/** `true`, `on`, `yes`, `1` and their opposites, in any case. */
export const flag = z
  .union([z.boolean(), written('true|false|on|off|yes|no|1|0')], { error: 'expected true or false' })
  .transform((value, context) => {
    const read = flagOf(String(value))
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: 'expected true or false' })
    return z.NEVER
  })

export const text = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)], {
  error: 'expected text',
})

/** A number in a range, both ends included. */
export const amount = (min: number, max: number) => numeric(min, max, `expected a number ${min}–${max}`, () => true)

/** A whole number in a range, both ends included. */
export const integer = (min: number, max: number) =>
  numeric(min, max, `expected an integer ${min}–${max}`, Number.isInteger)

function numeric(min: number, max: number, expected: string, fits: (value: number) => boolean) {
  return z
    .union([z.number().min(min).max(max), written(String.raw`-?\d+(?:\.\d+)?`)], { error: expected })
    .transform((value, context) => {
      const number = typeof value === 'string' && value.trim() === '' ? NaN : Number(value)
      if (fits(number) && number >= min && number <= max) return number
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
}

export const port = integer(0, 65535)

/** A header's name in lower case; empty for none. */
export const headerName = text.transform((value, context) => {
  if (value === '' || isHeaderName(value)) return value.toLowerCase()
  context.addIssue({ code: 'custom', message: 'expected the name of a header' })
  return z.NEVER
})

/** `a,b` or a YAML list. */
export const list = z.union(
  [
    z.array(text),
    text.transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    ),
  ],
  { error: 'expected a list, or names separated by commas' },
)

/** Headers of one message or one sender; `HOP_BY_HOP` are those of one connection. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...['content-type', 'content-encoding', 'accept-encoding', 'authorization', 'traceparent', 'tracestate'],
])

/** Names of headers that may be sent on, in lower case. */
export const forwardedHeaders = list.transform((names, context) => {
  const lower = names.map((name) => name.trim().toLowerCase())
  const wrong = lower.find((name) => !isHeaderName(name) || NOT_FORWARDED.has(name))
  if (wrong === undefined) return [...new Set(lower)]
  const message = `expected names of headers that can be sent on; ${wrong} cannot`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

/** Names of services that can stand in a URL as its host, and are no host that everything knows. */
export const hostNames = list.transform((names, context) => {
  const trimmed = names.map((name) => name.trim()).filter((name) => name !== '')
  const wrong = trimmed.find(
    (name) => !/^[A-Za-z0-9_.-]{1,253}$/.test(name) || /(^|\.)localhost\.?$/i.test(name) || isAddress(name),
  )
  if (wrong === undefined) return [...new Set(trimmed)]
  const message = `expected names of services such as demo.api; ${wrong} cannot be one in a URL`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

/** `127.1` and `0x7f000001` are addresses to a URL parser, and `1.2.3.4.5` is no host at all. */
function isAddress(name: string): boolean {
  return !URL.canParse(`http://${name}`) || isIP(new URL(`http://${name}`).hostname) !== 0
}

/** Names of alert rules; see `readRule`. */
export const alertRules = list.transform((rules, context) => {
  if (rules.every((rule) => readRule(rule) !== undefined)) return rules
  context.addIssue({ code: 'custom', message: 'expected registry-lost, config-rejected, ejected or error-rate>5%/1m' })
  return z.NEVER
})

/** An absolute URL, `http:` or `https:`; empty for none. It may hold a secret: no message repeats it. */
export const webUrl = text.transform((value, context) => {
  const address = value.trim()
  if (address === '') return undefined
  if (/^https?:/i.test(address) && URL.canParse(address)) return address
  context.addIssue({ code: 'custom', message: 'expected a URL such as https://host/path' })
  return z.NEVER
})

/** Names to text; nested YAML reads as dotted names. */
export const stringMap = z.record(z.string(), text, { error: 'expected name: value pairs' })

/** One of some words, in any case. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  lowerCase(words).pipe(word(words))

/** A list of some words, in any case, at least one. */
export const wordList = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  list
    .transform((values) => values.map((value) => value.trim().toLowerCase()))
    .pipe(z.array(word(words)).min(1, `expected at least one of ${words.join(', ')}`))

/** `IPv4` or `IPv6`, in any case; in lower case. */
export const ipFamily = written('[iI][pP][vV][46]').transform((value, context) => {
  const word = value.trim().toLowerCase()
  if (word === 'ipv4' || word === 'ipv6') return word
  context.addIssue({ code: 'custom', message: 'expected IPv4 or IPv6' })
  return z.NEVER
})

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
const SPRING_LEVELS: Record<string, string> = {
  trace: 'debug',
  warning: 'warn',
  fatal: 'error',
  critical: 'error',
  off: 'silent',
}
const EVERY_LEVEL = [...LEVELS, ...Object.keys(SPRING_LEVELS)]

/** Spring's level names and Python's too, in any case; ours are five. */
export const logLevel = lowerCase([...EVERY_LEVEL, ...EVERY_LEVEL.map((level) => level.toUpperCase())])
  .transform((level) => SPRING_LEVELS[level] ?? level)
  .pipe(word(LEVELS))

function lowerCase(words: readonly string[]) {
  const input = z.string({ error: expectedOneOf(words) }).meta({
    anyOf: [
      { type: 'string', enum: [...words] },
      { type: 'string', pattern: '[$][{<]' },
    ],
  })
  return input.transform((value) => value.trim().toLowerCase())
}

function word<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: expectedOneOf(words) })
}

function expectedOneOf(words: readonly string[]): string {
  return `expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

export const serverAddresses = text.superRefine((value, context) => {
  try {
    parseServerAddresses(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error), params: { says: true } })
  }
})

/** An address server; see `parseEndpoint`. */
export const endpoint = text.superRefine((value, context) => {
  try {
    parseEndpoint(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error), params: { says: true } })
  }
})

/** An http(s) URL that a path is put behind; it holds no credentials. */
export const baseUrl = text.refine((value) => {
  if (!URL.canParse(value)) return false
  const { protocol, username, password, search, hash } = new URL(value)
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === ''
}, 'expected a URL such as https://collector.example:6600, without user, query and fragment')

/** A group of settings. */
export const section = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object(shape, { error: 'expected settings below it' })
