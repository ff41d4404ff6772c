import { SidecarError } from '../errors.js'
import type { PropertyEntry } from '../properties/document.js'
import { writtenEntry } from './written-entry.js'

const QUOTED = /^(["'])(.*)\1\s*(?:[#;].*)?$/
/** A sign in the middle of a word belongs to the value: `pa#ss`, `a;b`. */
const COMMENT = /\s[#;].*$/

/**
 * `[section]` and `key = value` lines. A line that begins with `;` or `#` is a comment, and so is what follows one of them
 * behind a space. What follows the first `=` is the value, further ones included.
 *
 * @throws SidecarError SIDECAR_ENV_INVALID with the number of the line, never with its text: it may hold a password
 */
export function parseIni(text: string, file: string): readonly PropertyEntry[] {
  const entries: PropertyEntry[] = []
  let section: readonly string[] = []
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const line = written.trim()
    if (line === '' || /^[;#]/.test(line)) continue
    const heading = /^\[([^\]]+)\]\s*(?:[;#].*)?$/.exec(line)
    if (heading) {
      section = heading[1]!.trim().split('.')
      continue
    }
    const at = line.indexOf('=')
    if (at < 1) {
      throw new SidecarError(
        'SIDECAR_ENV_INVALID',
        `cannot read ${file}, line ${index + 1}: expected key = value, or [section]`,
      )
    }
    const value = line.slice(at + 1).trim()
    const path = [...section, ...line.slice(0, at).trim().split('.')]
    entries.push(writtenEntry(path, QUOTED.exec(value)?.[2] ?? value.replace(COMMENT, '')))
  }
  return entries
}
