const TRUE = ['true', 'on', 'yes', '1']
const FALSE = ['false', 'off', 'no', '0']

/** `true`, `on`, `yes`, `1` and their opposites, in any case; `undefined` for anything else. */
export function flagOf(text: string): boolean | undefined {
  const word = text.trim().toLowerCase()
  if (TRUE.includes(word)) return true
  return FALSE.includes(word) ? false : undefined
}
