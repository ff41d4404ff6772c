import type { LogFields, Logger } from '../logger.js'

/** Takes known secrets out of a text, in case a server echoes one. */
export interface Redactor {
  (text: string): string
  add(secret: string | undefined): void
}

/** Shorter than this would blank out half of every message, and is no secret. */
const SHORTEST_SECRET = 3
/** From here on nothing else is spelt like it by chance: it is blanked wherever it is. */
const LONG = 20
/** What may occur in any message: `nacos`. */
const WORD = /^[A-Za-z]+$/

/**
 * Blanks secrets where they stand as values: never inside another word (`nacos-1.example` with the password `nacos`),
 * and one that is a plain word only in the place of a value: behind `=`, `:`, a quote, a bracket, or the name of a
 * secret.
 */
export function createRedactor(secrets: readonly (string | undefined)[]): Redactor {
  const known = new Map<string, RegExp>()
  const add = (secret: string | undefined) => {
    if (secret === undefined || secret.length < SHORTEST_SECRET) return
    for (const written of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
      if (!known.has(written)) known.set(written, patternOf(written))
  }
  secrets.forEach(add)
  const redact = (text: string) => {
    let clean = text
    for (const [secret, pattern] of known) if (clean.includes(secret)) clean = clean.replace(pattern, '***')
    return clean
  }
  return Object.assign(redact, { add })
}

function patternOf(secret: string): RegExp {
  const literal = secret.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  if (secret.length >= LONG) return new RegExp(literal, 'g')
  // A dot, a dash or a slash joins words to a name; a dot ends a sentence as well.
  const before = /^\w/.test(secret) ? '(?<![\\p{L}\\p{N}_]|[\\p{L}\\p{N}_][-./])' : ''
  const after = /\w$/.test(secret) ? '(?![\\p{L}\\p{N}_]|[-./][\\p{L}\\p{N}_])' : ''
  const said = WORD.test(secret)
    ? '(?<=[=:"\'`([{,]\\s?|(?:passw(?:or)?d|pwd|secret|token|key|credentials?|passphrase)\\W{1,3}(?:is\\s)?)'
    : ''
  return new RegExp(`${said}${before}${literal}${after}`, said === '' ? 'gu' : 'giu')
}

/** A logger that prints no secret. */
export function redacting(logger: Logger, redact: Redactor): Logger {
  const at = (level: keyof Logger) => (message: string, fields?: LogFields) =>
    fields ? logger[level](redact(message), redactFields(fields, redact)) : logger[level](redact(message))
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function redactFields(fields: LogFields, redact: Redactor): LogFields {
  const clean = Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? redact(value) : value])
  return Object.fromEntries(clean) as LogFields
}
