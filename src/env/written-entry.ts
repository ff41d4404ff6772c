import { textEntry, type PropertyEntry } from '../properties/document.js'
import type { PropertyPath } from '../properties/path.js'

/** A value that stays the text that it is: what it means is for the schema to say. */
export const writtenEntry = (path: PropertyPath, text: string): PropertyEntry => ({
  ...textEntry(path, text),
  path,
  value: text,
})
