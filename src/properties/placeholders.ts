import { runAtOnce, type Sliced } from '../util/slices.js'

/**
 * `${key:default}` and `$<key:default>`, nested and escaped (`\${`). One pass with a stack: no backtracking, whatever
 * the text.
 */

export interface Placeholder {
  /** As it was written, for messages. */
  readonly source: string
  readonly key: Template
  /** `undefined` where no `:` was written. */
  readonly fallback: Template | undefined
}

export type Template = readonly (string | Placeholder)[]

/** Deeper nesting is left as it stands. */
const MAX_NESTING = 32

/** What a resolved text may grow to: placeholders that double each other would fill the memory. */
const MAX_RESOLVED_CHARS = 1_000_000

/** How much is done between two chances to let the event loop turn. */
const STEP = 500

const SPECIAL = /[\\${}:>]/g

export function hasPlaceholder(text: string): boolean {
  return text.includes('${') || text.includes('$<')
}

interface Frame {
  readonly start: number
  readonly close: string
  key: (string | Placeholder)[]
  fallback: (string | Placeholder)[] | undefined
  /** Plain `{` still open: `${a:{"b":1}}` has a JSON default. */
  braces: number
}

export function parseTemplate(text: string): Template {
  return runAtOnce(parsingTemplate(text))
}

/** The same in slices: a value may have a million characters. */
export function* parsingTemplate(text: string): Sliced<Template> {
  const top: (string | Placeholder)[] = []
  const stack: Frame[] = []
  const target = () => {
    const frame = stack[stack.length - 1]
    return frame ? (frame.fallback ?? frame.key) : top
  }
  const literal = (part: string) => {
    const parts = target()
    const last = parts.length - 1
    if (typeof parts[last] === 'string') parts[last] += part
    else parts.push(part)
  }

  let steps = 0
  for (let at = 0; at < text.length; at++) {
    if (++steps % STEP === 0) yield
    const run = ordinaryRun(text, at)
    if (run > at) {
      literal(text.slice(at, run))
      if (run === text.length) break
      at = run
    }
    const char = text[at]!
    const next = text[at + 1]
    const frame = stack[stack.length - 1]
    if (char === '\\' && next === '$' && (text[at + 2] === '{' || text[at + 2] === '<')) {
      literal(text.slice(at + 1, at + 3))
      if (frame && text[at + 2] === '{') frame.braces++
      at += 2
    } else if (char === '$' && (next === '{' || next === '<') && stack.length < MAX_NESTING) {
      stack.push({ start: at, close: next === '{' ? '}' : '>', key: [], fallback: undefined, braces: 0 })
      at++
    } else if (!frame) {
      literal(char)
    } else if (char === frame.close && frame.braces === 0) {
      stack.pop()
      target().push({ source: text.slice(frame.start, at + 1), key: frame.key, fallback: frame.fallback })
    } else if (char === ':' && !frame.fallback && frame.braces === 0) {
      frame.fallback = []
    } else {
      if (char === '{') frame.braces++
      else if (char === '}' && frame.braces > 0) frame.braces--
      literal(char)
    }
  }
  // Never closed: what was read as a placeholder is text, the complete ones inside it stay placeholders.
  while (stack.length > 0) {
    const frame = stack.pop()!
    literal(text.slice(frame.start, frame.start + 2))
    for (const part of frame.key) add(part)
    if (frame.fallback) {
      literal(':')
      for (const part of frame.fallback) add(part)
    }
  }
  function add(part: string | Placeholder): void {
    if (typeof part === 'string') literal(part)
    else target().push(part)
  }
  return top
}

/** Where the text that means nothing special ends: at one of `\ $ { } : >`. */
function ordinaryRun(text: string, from: number): number {
  SPECIAL.lastIndex = from
  return SPECIAL.exec(text)?.index ?? text.length
}

/** What a rendering cannot go on without. */
export const PENDING = Symbol('pending')

/** How a template is put together. */
export interface Rendering {
  /**
   * The text of a key, `undefined` where there is none, PENDING where it must be found out first. Work where it takes
   * longer.
   */
  valueOf(key: string): string | typeof PENDING | undefined | Sliced<string | typeof PENDING>
  /** What to write for a placeholder with neither value nor default; or throws. */
  unresolved(placeholder: Placeholder): string
}

/**
 * Puts a template together, in slices. PENDING where a value must be found out first; every such value that can be
 * named by now was asked for.
 *
 * @throws RangeError where the text becomes too long.
 */
export function* rendering(template: Template, how: Rendering): Sliced<string | typeof PENDING> {
  let result = ''
  let pending = false
  let steps = 0
  for (const part of template) {
    if (++steps % STEP === 0) yield
    if (typeof part === 'string') {
      result += part
    } else {
      const key = part.key.every((piece) => typeof piece === 'string')
        ? part.key.join('')
        : yield* rendering(part.key, how)
      const said = key === PENDING ? PENDING : how.valueOf(key.trim())
      const value = typeof said === 'object' ? yield* said : said
      const written =
        value !== undefined ? value : part.fallback ? yield* rendering(part.fallback, how) : how.unresolved(part)
      if (written === PENDING) pending = true
      else result += written
    }
    if (result.length > MAX_RESOLVED_CHARS)
      throw new RangeError(`placeholders make it longer than ${MAX_RESOLVED_CHARS} characters`)
  }
  return pending ? PENDING : result
}
