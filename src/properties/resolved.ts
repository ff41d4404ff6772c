import type { SidecarErrorCode } from '../errors.js'
import type { PropertyDocument, PropertyEntry } from './document.js'
import { locate } from './document-error.js'

/** A scalar as one layer has it, its placeholders not yet resolved. */
export interface Found {
  readonly entry: PropertyEntry
  readonly source: PropertyDocument
}

/** What became of the placeholders of a value. */
export interface Resolved {
  /** Placeholders without value and default are left in it as they were written. */
  readonly text: string
  /** Why there is none; `text` is then as it was written. */
  readonly problem?: Problem
  /** Placeholders of this very value that have no value and no default. */
  readonly missing: readonly string[]
  /** The first one without a value, here or in a value that this one is made of. */
  readonly firstMissing?: Missing
}

/** Placeholders go round in a circle, or make too long a text. An error is made of it only where one is thrown. */
export interface Problem {
  readonly code: SidecarErrorCode
  readonly message: string
}

/** A placeholder that has no value and no default. */
export interface Missing {
  /** As it was written. */
  readonly placeholder: string
  /** The value it stands in. */
  readonly found: Found
}

/** Where a value was written: `bootstrap.yml:12:3`, `environment DB_URL`. */
export function placeOf({ entry, source }: Found): string {
  if (source.layer === 'environment') return source.name === 'environment' ? `environment ${entry.key}` : source.name
  return locate(source.name, entry.line, entry.column)
}
