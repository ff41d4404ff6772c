import { parseLines } from 'dot-properties'
import { messageOf } from '../errors.js'
import type { Sliced } from '../util/slices.js'
import { DocumentError } from './document-error.js'
import { MAX_VALUES, textEntry, tooManyValues, type PropertyEntry } from './document.js'
import { documentPath } from './path.js'

/** How much is parsed in one go. */
const PIECE_CHARS = 20_000

/** Of one value: with many more the parser, which takes a value in one go, would keep the event loop busy. */
const MAX_ESCAPES = 20_000

/** The values of a .properties document. A name said twice: the last one counts, as in Java. */
export function* readingProperties(content: string, name: string): Sliced<PropertyEntry[]> {
  const entries = new Map<string, PropertyEntry>()
  let line = 1
  for (const piece of pieces(content)) {
    let counted = 0
    if (piece.length > 2 * MAX_ESCAPES && escapesIn(piece) > MAX_ESCAPES) {
      throw new DocumentError(name, `a value has more than ${MAX_ESCAPES} escapes and continued lines`, line)
    }
    for (const node of parsed(piece, name)) {
      if (node.type !== 'PAIR') continue
      const { key, value, range } = node as unknown as { key: string; value: string; range: readonly number[] }
      line += linesIn(piece, counted, range[0]!)
      counted = range[0]!
      if (entries.size >= MAX_VALUES) throw new DocumentError(name, tooManyValues(), line)
      try {
        entries.set(key, textEntry(documentPath(key), value, { line }))
      } catch (error) {
        throw new DocumentError(name, messageOf(error), line)
      }
    }
    line += linesIn(piece, counted, piece.length)
    yield
  }
  return [...entries.values()]
}

/** Cut behind lines that no backslash continues. */
function* pieces(content: string): Generator<string> {
  let from = 0
  while (from < content.length) {
    let to = lineEnd(content, from + PIECE_CHARS)
    while (to >= 0 && isContinued(content, to)) to = lineEnd(content, to + 1)
    const end = to < 0 ? content.length : to + 1
    yield content.slice(from, end)
    from = end
  }
}

/** The last character of the first line that ends at `from` or later: LF, CR LF, or CR alone, as Java takes them. */
function lineEnd(content: string, from: number): number {
  for (let at = from; at < content.length; at++) {
    const code = content.charCodeAt(at)
    if (code === LF || (code === CR && content.charCodeAt(at + 1) !== LF)) return at
  }
  return -1
}

const LF = 10
const CR = 13

/** Whether an odd number of backslashes stands before the end of the line. */
function isContinued(content: string, at: number): boolean {
  let start = content[at] === '\n' && content[at - 1] === '\r' ? at - 1 : at
  const end = start
  while (content[start - 1] === '\\') start--
  return (end - start) % 2 === 1
}

function escapesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at + 1)) count++
  return count
}

function linesIn(text: string, from: number, to: number): number {
  let lines = 0
  for (let at = lineEnd(text, from); at >= 0 && at < to; at = lineEnd(text, at + 1)) lines++
  return lines
}

function parsed(content: string, name: string) {
  try {
    // The parser continues no line that ends in CR alone, as Java does. The length stays, so places stay right.
    return parseLines(content.replace(/\r(?!\n)/g, '\n'), true)
  } catch (error) {
    throw new DocumentError(name, messageOf(error))
  }
}
