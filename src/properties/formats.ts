import { parseLines } from 'dot-properties'
import { messageOf } from '../errors.js'
import { DocumentError } from './document-error.js'
import { entriesOfObject, textEntry, type PropertyEntry } from './document.js'
import { documentPath } from './path.js'
import { readYaml } from './yaml.js'

export type DocumentFormat = 'yaml' | 'json' | 'properties' | 'text'

const FORMATS: Record<string, DocumentFormat> = {
  yml: 'yaml',
  yaml: 'yaml',
  json: 'json',
  properties: 'properties',
  text: 'text',
  txt: 'text',
  xml: 'text',
  html: 'text',
}

/** By a file extension or by Nacos's type word; `undefined` for one nobody knows. */
export function formatOf(word: string | undefined): DocumentFormat | undefined {
  return word !== undefined && Object.hasOwn(FORMATS, word.toLowerCase()) ? FORMATS[word.toLowerCase()] : undefined
}

/** `yml` of `orders.yml`, in lower case; empty for a name without a dot. */
export function extensionOf(dataId: string): string {
  return /\.([^.]+)$/.exec(dataId)?.[1]?.toLowerCase() ?? ''
}

/**
 * The values of a document, lowest first where a YAML one has several `---` parts. A plain text is one value, under
 * the document's own name.
 *
 * @throws DocumentError that says where and what is wrong.
 */
export function readDocument(content: string, format: DocumentFormat, name: string, key: string): PropertyEntry[][] {
  // Editors on Windows write one; in a properties document it would become part of the first name.
  const text = content.replace(/^\ufeff/, '')
  if (format !== 'text' && text.includes('\0')) {
    throw new DocumentError(name, 'it holds NUL characters: it is UTF-16 or no text at all; publish it as UTF-8')
  }
  switch (format) {
    case 'yaml':
      return readYaml(text, name)
    case 'json':
      return readJson(text, name)
    case 'properties':
      return [readProperties(text, name)]
    case 'text':
      return [[{ ...textEntry(documentPath(key), text), value: text, plain: false }]]
  }
}

/** JSON is YAML, and read as YAML it has lines; what only JSON allows (a key of 2,000 characters) goes without. */
function readJson(content: string, name: string): PropertyEntry[][] {
  try {
    return readYaml(content, name)
  } catch (error) {
    let parsed: unknown
    try {
      parsed = JSON.parse(content)
    } catch {
      throw error
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw error
    try {
      return [entriesOfObject(parsed)]
    } catch (refused) {
      throw new DocumentError(name, messageOf(refused))
    }
  }
}

function readProperties(content: string, name: string): PropertyEntry[] {
  let line = 1
  let counted = 0
  const lineAt = (offset: number) => {
    for (let at = content.indexOf('\n', counted); at >= 0 && at < offset; at = content.indexOf('\n', at + 1)) {
      line++
      counted = at + 1
    }
    return line
  }
  const entries = new Map<string, PropertyEntry>()
  for (const node of parsed(content, name)) {
    if (node.type !== 'PAIR') continue
    const { key, value, range } = node as unknown as { key: string; value: string; range: readonly number[] }
    const place = lineAt(range[0]!)
    try {
      // A name said twice: the last one counts, as in Java.
      entries.set(key, textEntry(documentPath(key), value, { line: place }))
    } catch (error) {
      throw new DocumentError(name, messageOf(error), place)
    }
  }
  return [...entries.values()]
}

function parsed(content: string, name: string) {
  try {
    return parseLines(content, true)
  } catch (error) {
    throw new DocumentError(name, messageOf(error))
  }
}
