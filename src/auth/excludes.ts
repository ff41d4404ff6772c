import { SidecarError } from '../errors.js'

/** Whether a path (`excludable` of `parseRoutePath`) is excluded. */
export type Excludes = (path: string) => boolean

type Matcher = (segments: readonly string[]) => boolean
type SegmentMatcher = (segment: string) => boolean

/**
 * Compiles `auth.exclude-paths`. Linear in the length of a path, whatever the patterns.
 *
 * - `/static` is itself and everything below it, by whole segments: never `/statics`.
 * - `*` is one segment or a part of it: `/files/*.png`, `/orders/*` (not `/orders/1/lines`).
 * - `**` is any number of segments, none too, at the end or between: `/docs/**`.
 * - `/` is the root page alone; to open everything, write `/**`.
 *
 * @throws SidecarError `SIDECAR_AUTH_SETTINGS` for a pattern that cannot work as written.
 */
export function compileExcludes(patterns: readonly string[]): Excludes {
  const matchers = patterns.map(compile)
  if (matchers.length === 0) return () => false
  return (path) => {
    const segments = path.slice(1).split('/')
    return matchers.some((matches) => matches(segments))
  }
}

function compile(pattern: string): Matcher {
  const text = pattern.trim()
  const body = text.replace(/^\//, '').replace(/\/$/, '')
  const parts = body.split('/')
  const fault = faultOf(text, parts)
  if (fault) {
    throw new SidecarError('SIDECAR_AUTH_SETTINGS', `auth.exclude-paths: "${pattern}" ${fault}`)
  }
  if (body === '') return (segments) => segments.length === 1 && segments[0] === ''
  if (!body.includes('*')) return (segments) => startsWith(segments, parts)
  return runs(parts)
}

function faultOf(text: string, parts: readonly string[]): string | undefined {
  if (text === '') return 'is empty: write / for the root page'
  if (/[?#{}[\]]/.test(text)) return 'uses ?, #, {} or []: only * (part of a segment) and ** (any depth) are known'
  if (/[%;\\]/.test(text)) return 'holds %, ; or \\: write the path decoded, without parameters'
  if (parts.some((part) => part === '.' || part === '..')) return 'holds a dot segment: write the path it leads to'
  if (text.includes('//')) return 'holds an empty segment (//): no such path is ever excluded'
  if (parts.some((part) => part !== '**' && part.includes('**'))) return 'has ** inside a segment: ** stands alone'
  return undefined
}

function startsWith(segments: readonly string[], parts: readonly string[]): boolean {
  return segments.length >= parts.length && parts.every((part, index) => part === segments[index])
}

/**
 * `a / ** / b` is two runs around one `**`: the first sits at the start, the last at the end, those between at the
 * leftmost place that fits. Leftmost is enough, since `**` takes whatever lies between, so nothing is tried twice.
 */
function runs(parts: readonly string[]): Matcher {
  const list: SegmentMatcher[][] = [[]]
  for (const part of parts) {
    if (part === '**') list.push([])
    else list.at(-1)!.push(segmentMatcher(part))
  }
  const first = list[0]!
  const last = list.at(-1)!
  const middle = list.slice(1, -1)

  return (segments) => {
    if (list.length === 1) return segments.length === first.length && fits(first, segments, 0)
    const end = segments.length - last.length
    if (end < first.length || !fits(first, segments, 0) || !fits(last, segments, end)) return false
    let from = first.length
    for (const run of middle) {
      while (from + run.length <= end && !fits(run, segments, from)) from++
      if (from + run.length > end) return false
      from += run.length
    }
    return true
  }
}

function fits(run: readonly SegmentMatcher[], segments: readonly string[], from: number): boolean {
  for (let index = 0; index < run.length; index++) if (!run[index]!(segments[from + index]!)) return false
  return true
}

/** The literals between the stars, each looked for once, left to right. */
function segmentMatcher(part: string): SegmentMatcher {
  if (!part.includes('*')) return (segment) => segment === part
  if (part === '*') return (segment) => segment !== ''
  const literals = part.split('*')
  const head = literals[0]!
  const tail = literals.at(-1)!
  const middle = literals.slice(1, -1)
  return (segment) => {
    const end = segment.length - tail.length
    if (end < head.length || !segment.startsWith(head) || !segment.endsWith(tail)) return false
    let from = head.length
    for (const literal of middle) {
      const found = segment.indexOf(literal, from)
      if (found < 0 || found + literal.length > end) return false
      from = found + literal.length
    }
    return true
  }
}
