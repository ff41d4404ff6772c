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

  for (let at = 0; at < text.length; at++) {
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

/**
 * Puts a template together.
 *
 * @param valueOf the text of a key, `undefined` where there is none.
 * @param unresolved says what to write for a placeholder with neither value nor default; or throws.
 */
export function renderTemplate(
  template: Template,
  valueOf: (key: string) => string | undefined,
  unresolved: (placeholder: Placeholder) => string,
): string {
  let result = ''
  for (const part of template) {
    if (typeof part === 'string') {
      result += part
    } else {
      const value = valueOf(renderTemplate(part.key, valueOf, unresolved).trim())
      if (value !== undefined) result += value
      else if (part.fallback) result += renderTemplate(part.fallback, valueOf, unresolved)
      else result += unresolved(part)
    }
    if (result.length > MAX_RESOLVED_CHARS)
      throw new RangeError(`placeholders make it longer than ${MAX_RESOLVED_CHARS} characters`)
  }
  return result
}
