/** Parts of a name, without case and punctuation, whose value is a secret. */
const WORDS = ['password', 'passwd', 'passphrase', 'secret', 'token', 'credential', 'authorization', 'jwt', 'webhook']
const ENDS = ['key', 'pwd', 'pass', 'passcode', 'dsn', 'signature', 'cookie', 'salt', 'connectionstring', 'sas', 'otp']
/** Words that only end like one. */
const NO_KEYS = /(?:mon|don|tur|hoc|joc|whis|hus|lac)key$/
const NAMES = ['sk', 'ak', 'pw', 'pin', 'sig', 'sign', 'identityvalue']
/** Of a URL's query, where more is a secret than in a file: `code`, `auth`, `session`. */
const PARAMETERS = /auth|session|apikey|accesskey|^(?:code|key)$/

const normal = (name: string) => name.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase()

/**
 * Whether what goes by this name is a secret: `db.password`, `access-key`, `SENTRY_DSN`, `slackWebhookUrl`.
 *
 * @param name one segment of a key, a header, a field
 */
export function isSecretName(name: string): boolean {
  const text = normal(name)
  if (NO_KEYS.test(text)) return false
  return WORDS.some((word) => text.includes(word)) || ENDS.some((word) => text.endsWith(word)) || NAMES.includes(text)
}

/** The same for a parameter of a URL's query. */
export function isSecretParameter(name: string): boolean {
  return isSecretName(name) || PARAMETERS.test(normal(name)) || /passw|pwd/i.test(name)
}

const URL_TEXT = /:\/\/[^\s"'<>]+/g
/** `:8080/` is a port. */
const PORT = /^:\d{1,5}(?:[/?#]|$)/
/** `Password=x` up to the next separator; quoted, up to the quote. */
const ASSIGNMENT = /([A-Za-z][\w.-]{0,64})(\s{0,4}=\s{0,4})("[^"]{0,4096}"|'[^']{0,4096}'|[^\s;&"']{1,4096})/g
/** The same in a list like that of ODBC and ADO, where names and values may hold blanks. */
const PAIR = /(^|;)([^=;]{1,64})=([^;]{1,4096})/g
/** `"password": "x"`, `token: x` */
const MEMBER =
  /(["']?)([A-Za-z][\w.-]{0,64})\1(\s{0,4}:\s{0,4})(?!\/\/)("[^"]{1,4096}"|'[^']{1,4096}'|[^\s,;}"']{1,4096})/g
const SCHEME = /\b(Bearer|Basic)(\s{1,4})[\w\-.~+/=]{6,}/gi
const JWT = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)/g

/**
 * A text as it may be shown: secrets inside of it become `***`: in the user part of a URL, in its query, in a connection
 * string, in JSON, behind `Bearer`.
 *
 * @example mask('jdbc:mysql://db/x?user=a&password=b') // 'jdbc:mysql://db/x?user=a&password=***'
 */
export function mask(text: string): string {
  if (text.length < 4) return text
  let clean = text.replace(PRIVATE_KEY, '***').replace(URL_TEXT, withoutPassword)
  if (clean.includes(';')) {
    clean = clean.replace(PAIR, (whole, start: string, name: string) =>
      isSecretName(name) ? `${start}${name}=***` : whole,
    )
  }
  return clean
    .replace(SCHEME, '$1$2***')
    .replace(ASSIGNMENT, (whole, name: string, equals: string) => (isSecretName(name) ? `${name}${equals}***` : whole))
    .replace(MEMBER, (whole, quote: string, name: string, colon: string) =>
      isSecretName(name) ? `${quote}${name}${quote}${colon}${quote}***${quote}` : whole,
    )
    .replace(JWT, '***')
}

/** `://user:password@`, up to the last `@`: a password may hold slashes. */
function withoutPassword(url: string): string {
  const end = url.lastIndexOf('@')
  const colon = url.indexOf(':', 3)
  if (end < 0 || colon < 0 || colon > end) return url
  const user = url.slice(3, colon)
  return /[/@[]/.test(user) || PORT.test(url.slice(colon)) ? url : `://${user}:***${url.slice(end)}`
}
