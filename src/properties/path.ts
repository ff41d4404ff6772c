/** A property name taken apart: a number is a place in a list, everything else a name as it was written. */
export type PropertyPath = readonly (string | number)[]

const UNSAFE = new Set(['__proto__', 'constructor', 'prototype'])
const MAX_DEPTH = 100
/** A name is taken apart in one go, while the event loop waits. */
const MAX_NAME_CHARS = 10_000

/**
 * `server-addr`, `serverAddr`, `server_addr` and `SERVERADDR` are one name.
 */
export function relaxed(name: string): string {
  return /[-_A-Z\u0080-\uffff]/.test(name) ? name.replace(/[-_]/g, '').toLowerCase() : name
}

/**
 * The sections of the sidecar's own settings, and those of Spring's that it reads: these alone are the same with and
 * without `spring.` before them. Whatever else an app has below `spring` is another property without it.
 */
const OWN_SECTIONS = new Set([
  'application',
  'auth',
  'cloud',
  'config',
  'feign',
  'logging',
  'profiles',
  'server',
  'sidecar',
])

/** Below one of the sections that may drop `spring.`. @param path without `spring`. */
export function isOwnSection(path: PropertyPath): boolean {
  return typeof path[0] === 'string' && OWN_SECTIONS.has(relaxed(path[0]))
}

/** `a.b[0].[x.y]` → `['a', 'b', 0, 'x.y']`; `spring.cloud.x` → `['cloud', 'x']`; `''` is everything. */
export function parsePath(name: string): PropertyPath {
  return name === '' ? [] : withoutSpring(splitName(name))
}

/** The path of a name a document wants to set; throws a plain `Error` where that is not accepted. */
export function documentPath(name: string): PropertyPath {
  if (name.length > MAX_NAME_CHARS) throw new Error(`names of more than ${MAX_NAME_CHARS} characters are not accepted`)
  const path = splitName(name)
  if (path.length > MAX_DEPTH) throw new Error(`names more than ${MAX_DEPTH} levels deep are not accepted`)
  const unsafe = path.find((segment) => UNSAFE.has(String(segment)))
  if (unsafe !== undefined) throw new Error(`the name "${unsafe}" is not accepted`)
  return path
}

/** A name that is no well-formed path is one segment as it stands. */
function splitName(name: string): PropertyPath {
  if (name.length > MAX_NAME_CHARS || !/[.[]/.test(name)) return [name]
  const segments: (string | number)[] = []
  let plain = ''
  for (let at = 0; at < name.length; at++) {
    const char = name[at]!
    if (char === '[') {
      const end = name.indexOf(']', at)
      const inner = end < 0 ? '' : name.slice(at + 1, end)
      const next = name[end + 1]
      if (inner === '' || (next !== undefined && next !== '.' && next !== '[')) return [name]
      if (plain !== '') segments.push(plain)
      else if (at > 0 && name[at - 1] !== '.' && name[at - 1] !== ']') return [name]
      plain = ''
      segments.push(/^\d{1,6}$/.test(inner) ? Number(inner) : inner)
      at = next === '.' ? end + 1 : end
      if (next === '.' && end + 2 === name.length) return [name]
    } else if (char === '.') {
      if (plain === '') return [name]
      segments.push(plain)
      plain = ''
      if (at === name.length - 1) return [name]
    } else {
      plain += char
    }
  }
  if (plain !== '' || segments.length === 0) segments.push(plain)
  return segments
}

/** Drops a leading `spring` that means nothing. */
export function withoutSpring(path: PropertyPath): PropertyPath {
  if (path.length < 2 || typeof path[0] !== 'string' || path[0].toLowerCase() !== 'spring') return path
  const rest = path.slice(1)
  return isOwnSection(rest) ? rest : path
}

/** The reverse of `splitName`. */
export function formatPath(path: PropertyPath): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else if (/[.[\]]/.test(segment)) text += `${text && '.'}[${segment}]`
    else text += `${text && '.'}${segment}`
  }
  return text
}
