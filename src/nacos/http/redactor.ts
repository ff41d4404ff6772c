import type { Logger } from '../../logger.js'

/** Takes known secrets out of a text, in case a server echoes one. */
export interface Redactor {
  (text: string): string
  add(secret: string | undefined): void
}

/** Shorter than this would blank out half of every message, and is no secret. */
const SHORTEST_SECRET = 3

export function createRedactor(secrets: readonly (string | undefined)[]): Redactor {
  const known = new Set<string>()
  const add = (secret: string | undefined) => {
    if (secret === undefined || secret.length < SHORTEST_SECRET) return
    known.add(secret).add(encodeURIComponent(secret)).add(JSON.stringify(secret).slice(1, -1))
  }
  secrets.forEach(add)
  const redact = (text: string) => [...known].reduce((clean, secret) => clean.replaceAll(secret, '***'), text)
  return Object.assign(redact, { add })
}

/** A logger that prints no secret. */
export function redacting(logger: Logger, redact: Redactor): Logger {
  return {
    debug: (message) => logger.debug(redact(message)),
    info: (message) => logger.info(redact(message)),
    warn: (message) => logger.warn(redact(message)),
    error: (message) => logger.error(redact(message)),
  }
}
