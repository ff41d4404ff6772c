import { createRedactor } from '../util/redactor.js'

/**
 * Blanks known secrets wherever they stand as values in JSON: a secret may be in a log line, or under a name that does not look
 * like one.
 */
export function hideSecrets(json: string, secrets: readonly string[]): string {
  // What has no form in a URL is no text that came by one.
  const present = secrets.filter((secret) => !/\p{Surrogate}/u.test(secret) && isIn(json, secret))
  if (present.length === 0) return json
  const redact = createRedactor(present)
  return JSON.stringify(JSON.parse(json, (_key, value: unknown) => (typeof value === 'string' ? redact(value) : value)))
}

/** As it is, or as JSON or a URL write it. */
function isIn(json: string, secret: string): boolean {
  return [JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)].some((written) => json.includes(written))
}
