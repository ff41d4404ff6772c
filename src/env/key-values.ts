import { SidecarError } from '../errors.js'
import type { PropertyEntry } from '../properties/document.js'
import { writtenEntry } from './written-entry.js'

const BLANK = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y
const ENTRY = /[ \t]*(?:export[ \t]+)?([^\s=#"'`][^=\n]*)=[ \t]*(?:(["'`])([^]*?)\2[^\n]*|([^\n]*))(?:\n|$)/y

/**
 * `KEY=VALUE` lines, as `node --env-file` reads them: `export`, comments, values in quotes over several lines, `\n` between double ones.
 * But a line that is none of these is an error: a value that is left out in silence would be the default.
 *
 * @throws SidecarError SIDECAR_ENV_INVALID with the number of the line, never with its text: it may hold a password
 */
export function parseKeyValues(written: string, file: string): readonly PropertyEntry[] {
  const text = written.replace(/\r\n?/g, '\n')
  const entries: PropertyEntry[] = []
  const read = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at
    return pattern.exec(text)
  }
  for (let at = 0; at < text.length;) {
    const found = read(BLANK, at) ?? read(ENTRY, at)
    if (!found) {
      const line = text.slice(0, at).split('\n').length
      throw new SidecarError('SIDECAR_ENV_INVALID', `cannot read ${file}, line ${line}: expected KEY=VALUE`)
    }
    const [all, key, quote, quoted = '', bare = ''] = found
    at += all.length
    if (key === undefined) continue
    const value = quote === undefined ? bare.split('#', 1)[0]!.trim() : quoted
    entries.push(writtenEntry([key.trim()], quote === '"' ? value.replaceAll('\\n', '\n') : value))
  }
  return entries
}
