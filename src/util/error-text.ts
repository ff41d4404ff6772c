import { messageOf } from '../errors.js'
import { printable } from './printable.js'
import { mask } from './secrets.js'

const MAX_CHARACTERS = 2_000

/**
 * What an error of the app says, as it may be kept and shown: one line, its secrets masked, and not longer than a page. The text may
 * hold what others have sent, of any size.
 */
export function errorText(error: unknown): string {
  const text = messageOf(error)
  // Secrets are looked for in more than is shown: one that is cut through would not be found.
  const shown = printable(mask(text.slice(0, 2 * MAX_CHARACTERS)))
  return shown.length > MAX_CHARACTERS ? `${shown.slice(0, MAX_CHARACTERS - 1)}…` : shown
}
