import { messageOf } from '../errors.js'
import type { Sliced } from '../util/slices.js'
import { DocumentError } from './document-error.js'
import { MAX_VALUES, textEntry, tooManyValues, type PropertyEntry } from './document.js'
import { documentPath } from './path.js'

/**
 * The values of an XML document: Java's `<properties><entry key="a.b">value</entry></properties>`, and any other one as
 * Spring Cloud Alibaba reads it, its elements and attributes as levels (`<db url="x"><name>y</name></db>` is `db.url`
 * and `db.name`). No entity but the five of XML and characters by number is known, and no DTD is read.
 */
export function* readingXml(content: string, name: string): Sliced<PropertyEntry[]> {
  const entries = new Map<string, PropertyEntry>()
  const open: Element[] = []
  let at = 0
  let roots = 0
  let line = 1
  let nextLine = content.indexOf('\n')
  const fail = (reason: string): never => {
    throw new DocumentError(name, reason, lineNow())
  }
  const lineNow = () => {
    for (; nextLine >= 0 && nextLine < at; nextLine = content.indexOf('\n', nextLine + 1)) line++
    return line
  }
  const add = (key: string, text: string) => {
    if (entries.size >= MAX_VALUES) fail(tooManyValues())
    try {
      entries.set(key, textEntry(documentPath(key), text, { line: lineNow() }))
    } catch (error) {
      fail(messageOf(error))
    }
  }
  const close = (element: Element) => {
    const { key, text } = element
    const named = element.attributes.get('key')
    if (isProperties(open) && element.name === 'comment') return
    if (isProperties(open) && element.name === 'entry' && named !== undefined) return add(named, text)
    for (const [attribute, value] of element.attributes) if (value !== '') add(`${key}.${attribute}`, value)
    if (text.trim() !== '') add(key, text.trim())
  }

  while (at < content.length) {
    const start = content.indexOf('<', at)
    const text = content.slice(at, start < 0 ? content.length : start)
    if (open.length > 0) open.at(-1)!.text += decoded(text, fail)
    else if (text.trim() !== '') fail('text outside the root element')
    at = start < 0 ? content.length : start
    if (start < 0) break
    if (content.startsWith('<!--', at)) at = behind('-->')
    else if (content.startsWith('<?', at)) at = behind('?>')
    else if (content.startsWith('<![CDATA[', at)) {
      const end = behind(']]>')
      if (open.length === 0) fail('text outside the root element')
      open.at(-1)!.text += content.slice(at + 9, end - 3)
      at = end
    } else if (content.startsWith('<!', at)) {
      const end = behind('>')
      if (content.slice(at, end).includes('[')) fail('a DTD with definitions of its own is not accepted')
      at = end
    } else {
      tag()
    }
    yield
  }
  if (open.length > 0) fail(`<${open.at(-1)!.name}> is not closed`)
  if (roots === 0) fail('it has no root element')
  return [...entries.values()]

  function behind(mark: string): number {
    const end = content.indexOf(mark, at)
    return end < 0 ? fail(`no ${mark} follows`) : end + mark.length
  }

  function tag(): void {
    // The expression works in one go: only so much of the document is shown to it.
    TAG.lastIndex = 0
    const [whole, closing, tagName = '', attributes = '', empty] =
      TAG.exec(content.slice(at, at + MAX_TAG_CHARS)) ??
      fail(`a malformed tag, or one of more than ${MAX_TAG_CHARS} characters`)
    if (closing) {
      const element = open.pop()
      if (element?.name !== tagName) return fail(`</${tagName}> closes nothing`)
      close(element)
    } else {
      if (open.length === 0 && ++roots > 1) fail('a second root element')
      if (open.length >= 100) fail('nested more than 100 levels deep')
      const above = open.at(-1)
      const element: Element = {
        name: tagName,
        key: above ? `${above.key}.${tagName}` : tagName,
        attributes: attributesOf(attributes),
        text: '',
      }
      if (empty) close(element)
      else open.push(element)
    }
    at += whole.length
  }

  function attributesOf(text: string): ReadonlyMap<string, string> {
    if (text === '') return NO_ATTRIBUTES
    const found = new Map<string, string>()
    for (const [, key = '', double, single] of text.matchAll(ATTRIBUTE)) {
      found.set(key, decoded(double ?? single ?? '', fail))
    }
    return found
  }
}

interface Element {
  readonly name: string
  /** With those above it. */
  readonly key: string
  readonly attributes: ReadonlyMap<string, string>
  text: string
}

/** With its attributes. */
const MAX_TAG_CHARS = 100_000
/** Of one value. */
const MAX_ENTITIES = 20_000
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()
const NAME = String.raw`[^\s<>/="'&!?]+`
const ATTRIBUTE = new RegExp(String.raw`(${NAME})\s*=\s*(?:"([^"<]*)"|'([^'<]*)')`, 'g')
const TAG = new RegExp(String.raw`<(/?)(${NAME})((?:\s+${NAME}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(/?)>`, 'y')
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** `<properties>` alone is above it. */
function isProperties(open: readonly Element[]): boolean {
  return open.length === 1 && open[0]?.name === 'properties'
}

function decoded(text: string, fail: (reason: string) => never): string {
  if (!text.includes('&')) return text
  // Before anything is replaced: the engine finds every match first, and one value is decoded in one go.
  if (hasMoreThan(MAX_ENTITIES, '&', text)) fail(`a value of more than ${MAX_ENTITIES} entities`)
  return text.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{1,20}));|&/gi,
    (_, decimal?: string, hex?: string, word?: string) => {
      const code = decimal ? Number(decimal) : hex ? parseInt(hex, 16) : undefined
      if (code !== undefined && code > 0 && code <= 0x10ffff) return String.fromCodePoint(code)
      return (
        (word && Object.hasOwn(ENTITIES, word) ? ENTITIES[word] : undefined) ?? fail('an entity that XML does not know')
      )
    },
  )
}

function hasMoreThan(most: number, part: string, text: string): boolean {
  let count = 0
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) if (++count > most) return true
  return false
}
