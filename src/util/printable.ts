/**
 * What a terminal or a log reader obeys instead of showing: C0 and C1 controls (line breaks, ANSI and OSC sequences),
 * separators of lines, marks of direction, and what has no width.
 */
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/
const EVERY = new RegExp(UNPRINTABLE, 'g')
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * The one place that makes text of others (keys, values, words of a server, tokens) fit for a log or an error: one line,
 * and what it would do to a terminal is shown instead.
 *
 * @example printable('a\n\u202eb') // 'a\\n\\u202eb'
 */
export function printable(text: string): string {
  if (!UNPRINTABLE.test(text)) return text
  return text.replace(EVERY, (character) => {
    return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
