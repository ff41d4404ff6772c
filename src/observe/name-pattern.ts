/**
 * Whether a name matches a pattern as a whole: `*` stands for any text, everything else for itself, in any case. It looks
 * at each character of the name once for each part of the pattern.
 *
 * @example matchesPattern('GET /health/*', 'GET /health/live') // true
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*')
  const text = name.toLowerCase()
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
