/** The path of a request target, as every router would read it. */
export interface RoutePath {
  /** Without its query; decoded once, or as it came where it is not `plain`. */
  readonly path: string
  /**
   * What excludes match. `undefined` where two routers could disagree on what the path is (dot segments, `//`, `;`,
   * encoded slashes, anything undecodable): such a path is never excluded.
   */
  readonly segments: readonly string[] | undefined
}

/** Visible ASCII after a slash, without what routers, proxies and URL parsers read in different ways. */
const PLAIN = /^\/[\x21\x22\x24-\x3a\x3c-\x3e\x40-\x5b\x5d-\x7e]*$/
/** The scheme and authority of an absolute-form target: `GET http://host/path`. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/]*/i
/** Found in a decoded segment, these make it something else to whoever decodes or splits it again. */
// eslint-disable-next-line no-control-regex
const AMBIGUOUS = /[\x00-\x1f\x7f/\\;?#]|%[\da-f]{2}/i
/** An escape of a character that needs none: A–Z a–z 0–9 - . _ ~ */
const NEEDLESS_ESCAPE = /%(?=2[de]|3\d|[46][1-9a-f]|[57]\d|[57]a|5f|7e)/gi

/** The target up to its `?`, as it came. */
export function withoutQuery(target: string): string {
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}

/** Reads a request target (`request.url`). Linear in its length. */
export function parseRoutePath(target: string): RoutePath {
  const raw = withoutQuery(target)
  if (!PLAIN.test(raw) || raw.includes('//')) return { path: raw.replace(ORIGIN, '') || '/', segments: undefined }

  const rawSegments = raw.slice(1).split('/')
  if (!raw.includes('%')) return { path: raw, segments: rawSegments.some(isDots) ? undefined : rawSegments }

  const decoded: string[] = []
  const segments: string[] = []
  for (const segment of rawSegments) {
    const text = decodeOnce(segment)
    if (text === undefined || AMBIGUOUS.test(text) || isDots(text)) return { path: raw, segments: undefined }
    decoded.push(text)
    // Express and Koa route `/%61dmin` to `/:name`, Fastify to `/admin`. Kept encoded, it matches no literal of an
    // exclude, so whichever handler it reaches, it does not reach it for free.
    segments.push(decodeURIComponent(segment.replace(NEEDLESS_ESCAPE, '%25')))
  }
  return { path: `/${decoded.join('/')}`, segments }
}

function isDots(segment: string): boolean {
  return segment === '.' || segment === '..'
}

function decodeOnce(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
