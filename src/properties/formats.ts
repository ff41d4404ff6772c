import { messageOf } from '../errors.js'
import { runAtOnce, type Sliced } from '../util/slices.js'
import { DocumentError } from './document-error.js'
import { collectingEntries, textEntry, tooManyValues, withoutNull, type PropertyEntry } from './document.js'
import { documentPath } from './path.js'
import { readingProperties } from './properties-format.js'
import { readingXml } from './xml.js'
import { readingYaml } from './yaml.js'

export type DocumentFormat = 'yaml' | 'json' | 'properties' | 'xml' | 'text'

/** Nacos's type word by the file extension, or by itself. */
const TYPES: Readonly<Record<string, DocumentFormat | 'html'>> = {
  yml: 'yaml',
  yaml: 'yaml',
  json: 'json',
  properties: 'properties',
  text: 'text',
  txt: 'text',
  xml: 'xml',
  html: 'html',
}

/** Nacos's type word for a file extension; `undefined` for an unknown one. */
export function typeOf(extension: string): DocumentFormat | 'html' | undefined {
  return Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined
}

/** By a file extension or by Nacos's type word; `undefined` for an unknown one. */
export function formatOf(word: string | undefined): DocumentFormat | undefined {
  const type = word === undefined ? undefined : typeOf(word.toLowerCase())
  return type === 'html' ? 'text' : type
}

/** `yml` of `orders.yml`, in lower case; empty for a name without a dot. */
export function extensionOf(dataId: string): string {
  return /\.([^.]+)$/.exec(dataId)?.[1]?.toLowerCase() ?? ''
}

/** A text with a NUL in it is UTF-16 or none. @throws DocumentError */
function rejectNullCharacters(text: string, name: string): void {
  const at = text.indexOf('\0')
  if (at < 0) return
  const lines = text.slice(0, at).split('\n')
  const why = 'null byte: the document is UTF-16 or not text, save it as UTF-8'
  throw new DocumentError(name, why, lines.length, lines.at(-1)!.length + 1)
}

/**
 * The values of a document, lowest first where a YAML one has several `---` parts. A plain text is one value, under
 * the document's own name.
 *
 * @throws DocumentError that says where and what is wrong.
 */
export function readDocument(content: string, format: DocumentFormat, name: string, key: string): PropertyEntry[][] {
  return runAtOnce(readingDocument(content, format, { name, key, inWorker: false }))
}

/**
 * The same in slices.
 *
 * @param name in messages
 * @param key of a plain text
 * @param inWorker a long YAML or JSON document is parsed by a worker thread
 */
export function* readingDocument(
  content: string,
  format: DocumentFormat,
  { name, key, inWorker }: { name: string; key: string; inWorker: boolean },
): Sliced<PropertyEntry[][]> {
  // Editors on Windows write one; in a properties document it would become part of the first name.
  const text = content.replace(/^\ufeff/, '')
  if (format !== 'text') rejectNullCharacters(text, name)
  switch (format) {
    case 'yaml':
      return yield* readingYaml(text, name, inWorker)
    case 'json':
      return yield* readingJson(text, name, inWorker)
    case 'properties':
      return [yield* readingProperties(text, name)]
    case 'xml':
      return [yield* readingXml(text, name)]
    case 'text':
      return [[{ ...textEntry(documentPath(key), text), value: text, plain: false }]]
  }
}

/** JSON is YAML, and read as YAML it has lines; what only JSON allows (a key of 2,000 characters) goes without. */
function* readingJson(content: string, name: string, inWorker: boolean): Sliced<PropertyEntry[][]> {
  try {
    const read = (yield* readingYaml(content, name, inWorker)).map(withoutNull)
    // What begins like JSON must be JSON: `{"a": 1 /* one */}` is another value in YAML.
    if (content.trimStart().startsWith('{')) requireJson(content, name)
    return read
  } catch (error) {
    if (error instanceof DocumentError && error.reason === tooManyValues()) throw error
    let parsed: unknown
    try {
      parsed = JSON.parse(content)
    } catch {
      throw error
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw error
    try {
      return [withoutNull(yield* collectingEntries(parsed))]
    } catch (refused) {
      throw new DocumentError(name, messageOf(refused))
    }
  }
}

function requireJson(content: string, name: string): void {
  try {
    JSON.parse(content)
  } catch (error) {
    // The rest of the message quotes the text, which may hold a password.
    const [, at] = / at position (\d+)/.exec(messageOf(error)) ?? []
    const before = at === undefined ? [] : content.slice(0, Number(at)).split('\n')
    throw new DocumentError(
      name,
      'it is not JSON: comments, commas before a bracket, and names or texts without double quotes are not accepted',
      before.length || undefined,
      before.length > 0 ? before.at(-1)!.length + 1 : undefined,
    )
  }
}
