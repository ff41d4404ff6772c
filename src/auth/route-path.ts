/** The path of a request target, as every router would read it. */
export interface RoutePath {
  /** Without its query; decoded once, or as it came where it is not `plain`. */
  readonly path: string
  /**
   * What excludes match. `undefined` where two routers could disagree on what the path is (dot segments, `//`, `;`,
   * encoded slashes, anything undecodable): such a path is never excluded.
   */
  readonly excludable: string | undefined
}

/** As nearly all are: segments of plain characters, none empty, none of dots alone. */
const ORDINARY = /^(?:\/(?!\.{1,2}(?:\/|$))[\w\-.~@:,=!$&'()*+]+)*\/?$/
/** What a regular expression that repeats groups is safe with, however large a header may be. */
const ORDINARY_LENGTH = 2_048
/** Visible ASCII after a slash, without what routers, proxies and URL parsers read in different ways. */
const PLAIN = /^\/[\x21\x22\x24-\x3a\x3c-\x3e\x40-\x5b\x5d-\x7e]*$/
/** The scheme and authority of an absolute-form target: `GET http://host/path`. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/]*/i
/**
 * Escapes that become a separator or worse in a router that decodes before splitting: / \ ; ? # and control characters.
 */
const HOSTILE_ESCAPE = /%(?:[01][\da-f]|7f|2f|5c|3b|3f|23)/i
const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/
/** An escape of a character that needs none: A–Z a–z 0–9 - . _ ~ */
const NEEDLESS_ESCAPE = /%(?=2[de]|3\d|[46][1-9a-f]|[57]\d|[57]a|5f|7e)/gi

/** The target up to its `?`, as it came. */
export function withoutQuery(target: string): string {
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}

/** Whether the path of a target is the target itself, character by character. */
export function isVerbatim(target: string): boolean {
  return target.startsWith('/') && !target.includes('?') && !target.includes('%')
}

/** Reads a request target (`request.url`). Linear in its length. */
export function parseRoutePath(target: string): RoutePath {
  const raw = withoutQuery(target)
  if (raw.length <= ORDINARY_LENGTH && raw !== '' && ORDINARY.test(raw)) return { path: raw, excludable: raw }
  if (!PLAIN.test(raw) || raw.includes('//')) return { path: raw.replace(ORIGIN, '') || '/', excludable: undefined }
  if (!raw.includes('%')) return { path: raw, excludable: DOT_SEGMENT.test(raw) ? undefined : raw }

  const path = HOSTILE_ESCAPE.test(raw) ? undefined : decodeOnce(raw)
  // What is still encoded after that would change again in a router that decodes twice.
  if (path === undefined || DOT_SEGMENT.test(path) || /%[\da-f]{2}/i.test(path))
    return { path: raw, excludable: undefined }
  // Express and Koa route `/%61dmin` to `/:name`, Fastify to `/admin`. Kept encoded, it matches no literal of an
  // exclude, so whichever handler it reaches, it does not reach it for free.
  return { path, excludable: decodeURIComponent(raw.replace(NEEDLESS_ESCAPE, '%25')) }
}

function decodeOnce(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
