/** A request target in origin form, split at its query. */
export interface TargetPath {
  /** Begins with a slash. */
  readonly path: string
  /** With its `?`, or empty. */
  readonly query: string
}

/** The scheme and authority of an absolute-form target: `GET http://host/path`. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i
/** Dots and slashes as UTF-8 decoders of old read them. */
const OVERLONG = /\xc0[\xae\xaf]|\xe0\x80[\xae\xaf]/g
/** What an escape may hide behind other escapes; nothing sensible is deeper. */
const MAX_DECODINGS = 4

/**
 * Reads a request target (`request.url`). The host of an absolute one is of no interest here.
 *
 * @returns `undefined` for what names no path: `*`, and what holds a fragment
 */
export function parseTarget(target: string): TargetPath | undefined {
  if (target.includes('#')) return undefined
  const origin = target.startsWith('/') ? '' : (ORIGIN.exec(target)?.[0] ?? '')
  const relative = target.slice(origin.length)
  const at = relative.indexOf('?')
  const path = at < 0 ? relative : relative.slice(0, at)
  const query = at < 0 ? '' : relative.slice(at)
  if (path.startsWith('/')) return { path, query }
  return path === '' && origin !== '' ? { path: '/', query } : undefined
}

/**
 * Whether every server reads the path as one below where it begins. Refused are dot segments in each spelling (`..`,
 * `%2e%2e`, `..;x`, `..%5c`, also escaped several times), and a `//` at the beginning, which a URL parser takes for a host.
 * Escaped slashes and `//` further on are data of the service: they are passed on as they came.
 */
export function staysBelow(path: string): boolean {
  if (path.startsWith('//') || path.startsWith('/\\')) return false
  if (!/[.%\\]/.test(path)) return true
  let text = path
  for (let decodings = 0; decodings <= MAX_DECODINGS; decodings++) {
    if (text.split(/[/\\]/).some(isDotSegment)) return false
    const decoded = decodeOnce(text)
    if (decoded === text) return true
    text = decoded
  }
  return false
}

/** Tomcat cuts what follows a `;` off before it resolves the segment. */
function isDotSegment(segment: string): boolean {
  const name = segment.split(';', 1)[0]!
  return name === '.' || name === '..'
}

/** Byte by byte: what is no UTF-8 can still hold a dot. */
function decodeOnce(text: string): string {
  return text
    .replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    .replace(OVERLONG, (bytes) => (bytes.endsWith('\xae') ? '.' : '/'))
}

/** The path below `prefix`, by whole segments: `/users` is not the beginning of `/users-old`. */
export function below(prefix: string, path: string): string | undefined {
  if (prefix === '') return path
  if (!path.startsWith(prefix)) return undefined
  const rest = path.slice(prefix.length)
  return rest === '' || rest.startsWith('/') ? rest : undefined
}

/** `/users/` and `/` as a prefix: `/users` and the empty one. */
export function asPrefix(text: string): string {
  return text.replace(/\/+$/, '')
}
