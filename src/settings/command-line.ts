import { textEntry, type PropertyDocument } from '../properties/document.js'
import { documentPath } from '../properties/path.js'

/**
 * `--key=value` as Spring reads it: given twice it is `a,b`. Only names with a dot or an index, and with a value:
 * anything else (`--verbose`, `--port=80`, `--server.port 80`) is the app's own.
 */
export function commandLine(argv: readonly string[]): PropertyDocument {
  const said = new Map<string, string>()
  for (const argument of argv) {
    const [, key, text] = /^--([A-Za-z][\w.[\]-]*)=(.*)$/s.exec(argument) ?? []
    if (key === undefined || text === undefined || !/[.[]/.test(key)) continue
    const earlier = said.get(key)
    said.set(key, earlier === undefined ? text : `${earlier},${text}`)
  }
  const entries = [...said].flatMap(([key, text]) => {
    try {
      return [textEntry(documentPath(key), text, { key: `--${key}` })]
    } catch {
      return []
    }
  })
  return { name: 'command line', layer: 'command line', entries }
}
