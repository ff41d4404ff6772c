/** Parts of a name, without case and punctuation, whose value is a secret. */
const WORDS = [
  ...['password', 'passwd', 'passphrase', 'passwort', 'kennwort', '密码', '口令', '密钥', '秘钥', '令牌'],
  ...['secret', 'token', 'credential', 'authorization', 'jwt', 'webhook', 'mnemonic', 'connectionstring'],
  ...['privatekey', 'apikey', 'accesskey', 'signingkey', 'encryptionkey'],
]
const ENDS = [
  ...['key', 'pwd', 'pass', 'passcode', 'dsn', 'signature', 'cookie', 'salt', 'sas', 'otp'],
  ...['pw', 'psk', 'creds'],
]
/** Words that only end like one. */
const NO_KEYS = /(?:mon|don|tur|hoc|joc|whis|hus|lac)key$/
const NAMES = ['sk', 'ak', 'pin', 'sig', 'sign', 'identityvalue', 'jwk', 'jwks', 'bearer', 'basicauth']
/** Of a URL's query, where more is a secret than in a file: `code`, `auth`, `session`. */
const PARAMETERS = /auth|session|apikey|accesskey|^(?:code|key)$/

const normal = (name: string) => name.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase()

/**
 * Whether what goes by this name is a secret: `db.password`, `access-key`, `SENTRY_DSN`, `slackWebhookUrl`.
 *
 * @param name one segment of a key, a header, a field
 */
export function isSecretName(name: string): boolean {
  // `password2`, `key1`
  const text = normal(name).replace(/(?<=\p{L})\d{1,4}$/u, '')
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
/** The name and the sign of `password=x`, `"password": "x"`, `password => x`, `password%3Dx`; the value is looked at after it. */
const NAME = /(["']?)([\p{L}][\p{L}\p{N}_.-]{0,64})\1(\s{0,4}(?:=>|:=|%3D|[:=](?!\/\/))\s{0,4})/giu
const QUOTED = String.raw`"(?:[^"\\]|\\[^]){0,4096}"|'(?:[^'\\]|\\[^]){0,4096}'`
/** Quoted, with what is escaped in it; a block of YAML; a list; `Basic abc`; else up to the next separator. */
const VALUE = new RegExp(
  [
    QUOTED,
    String.raw`[|>][-+\d]{0,2}[ \t]{0,8}\n(?:[ \t]+[^\n]*(?:\n|$))+`,
    String.raw`\[[^\]]{0,4096}\]|\{[^}]{0,4096}\}`,
    String.raw`(?:Basic|Bearer|Digest|Negotiate|Token|ApiKey|AWS4-HMAC-SHA256)[ \t][^\r\n]*`,
    String.raw`["'][^\r\n]*`,
  ].join('|'),
  'iy',
)
const PLAIN = { '=': /[^\s;&"']+/y, ':': /[^\s,;}"']+/y }
/** The same in a list like that of ODBC and ADO, where names and values may hold blanks. */
const PAIR = /(^|;)([^=;]{1,64})=("(?:[^"]|""){0,4096}"|'(?:[^']|''){0,4096}'|\{[^}]{0,256}\}|[^;]+)/g
/** `--password x`, `-u user:x` */
const OPTION = /(--[A-Za-z][\w-]{0,64})([ \t]{1,4})(?![-\s])(\S+)/g
const USER_OPTION = /(\s-u[ \t]{1,4}[^\s:]{1,64}:)\S+/g
/** `<password>x</password>`, `<add key="password" value="x"/>` */
const ELEMENT = /<([\w:.-]{1,64})>[^<]+(?=<\/)/g
const NAMED_VALUE = /(\b(?:key|name)=(["'])([\w.-]{1,64})\2\s{1,4}value=)("[^"]{0,4096}"|'[^']{0,4096}')/g
/** What needs no URL: Go's `user:password@tcp(…)`, Oracle's `user/password@`, `//user:password@host`. */
const GO_DSN = /([\w.-]{1,64}):[^\s@]{1,256}@(?=(?:tcp|tcp6|unix)?\()/g
const ORACLE = /(jdbc:oracle:\w{1,16}:[^\s/@]{1,64})\/[^\s@]{1,256}@/g
const BARE_URL = /((?:^|[\s"'=])\/\/[^\s/:@]{1,64}):[^\s@]{1,256}@/g
const SCHEME = /\b(Bearer|Basic)(\s{1,4})[\w\-.~+/=]{6,}/gi
const JWT = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g
/** Tokens that are known by their beginning: GitHub, GitLab, Slack, OpenAI, and the path of Slack's hooks. */
const KNOWN =
  /\b(?:gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|sk-[\w-]{16,})|(?<=hooks\.slack\.com\/services\/)[^\s"'?]+/g
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----[^]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----|$)/g

/**
 * A text as it may be shown: secrets inside of it become `***`: in the user part of a URL, in its query, in a connection
 * string, in JSON, YAML and XML, in options of a command, behind `Bearer`.
 *
 * @example mask('jdbc:mysql://db/x?user=a&password=b') // 'jdbc:mysql://db/x?user=a&password=***'
 */
export function mask(text: string): string {
  if (text.length < 4) return text
  let clean = text.replace(PRIVATE_KEY, '***').replace(URL_TEXT, withoutPasswords)
  if (clean.includes('@'))
    clean = clean.replace(GO_DSN, '$1:***@').replace(ORACLE, '$1/***@').replace(BARE_URL, '$1:***@')
  if (clean.includes('<')) {
    clean = clean
      .replace(ELEMENT, (whole, name: string) => (isSecretName(name) ? `<${name}>***` : whole))
      .replace(NAMED_VALUE, (whole, start: string, _: string, name: string) =>
        isSecretName(name) ? `${start}"***"` : whole,
      )
  }
  if (clean.includes(';')) {
    clean = clean.replace(PAIR, (whole, start: string, name: string) =>
      isSecretName(name) ? `${start}${name}=***` : whole,
    )
  }
  return withoutAssigned(clean)
    .replace(SCHEME, '$1$2***')
    .replace(OPTION, (whole, name: string, blank: string) => (isSecretName(name) ? `${name}${blank}***` : whole))
    .replace(USER_OPTION, '$1***')
    .replace(JWT, '***')
    .replace(KNOWN, '***')
}

/** What stands behind the names of secrets, in one pass. What follows another name is looked at: it may be one too. */
function withoutAssigned(text: string): string {
  let clean = ''
  let from = 0
  NAME.lastIndex = 0
  for (let match = NAME.exec(text); match; match = NAME.exec(text)) {
    const [whole, quote = '', name = '', sign = ''] = match
    if (!isSecretName(name)) continue
    const at = match.index + whole.length
    const plain = PLAIN[sign.includes(':') && !sign.includes('=') ? ':' : '=']
    VALUE.lastIndex = plain.lastIndex = at
    const value = VALUE.exec(text) ?? plain.exec(text)
    if (!value) continue
    clean += `${text.slice(from, at)}${quote}***${quote}`
    from = at + value[0].length
    NAME.lastIndex = from
  }
  return clean + text.slice(from)
}

/** A list of URLs is several: `amqp://a:b@c,amqp://d:e@f`. */
function withoutPasswords(urls: string): string {
  return urls
    .split(/(?<=,[a-z][a-z0-9+.-]{0,20}(?=:\/\/))/i)
    .map(withoutPassword)
    .join('')
}

/** `://user:password@`, up to the last `@`: a password may hold slashes. */
function withoutPassword(url: string): string {
  const start = url.indexOf('://')
  const end = url.lastIndexOf('@')
  const colon = url.indexOf(':', start + 3)
  if (end < 0 || colon < 0 || colon > end) return url
  const user = url.slice(start + 3, colon)
  return /[/@[]/.test(user) || PORT.test(url.slice(colon))
    ? url
    : `${url.slice(0, start)}://${user}:***${url.slice(end)}`
}
