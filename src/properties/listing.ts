import { originOf, type PropertyOrigin } from './explain.js'
import { formatPath } from './path.js'
import { isSecret, masked } from './secrets.js'
import type { PropertyView } from './view.js'

/** A value that counts; a list is one. */
export interface ListedProperty {
  readonly key: string
  /** Secrets are masked, by their names. */
  readonly value: unknown
  readonly origin: PropertyOrigin
}

export interface PropertyListing {
  readonly properties: readonly ListedProperty[]
  /** How many further ones there are. */
  readonly omitted: number
  /** The texts of secrets, so that they are found where they do not stand behind their name. Never shown. */
  readonly secrets: readonly string[]
}

/** Every value of the documents, by key. What the environment alone says is none: it is found by the name that is asked for. */
export function listProperties(view: PropertyView, limit: number): PropertyListing {
  const properties: ListedProperty[] = []
  const secrets = new Set<string>()
  let omitted = 0
  for (const { path, node } of view.tree.wholes()) {
    const secret = isSecret(path)
    if (properties.length >= limit && !secret) {
      omitted++
      continue
    }
    const value = view.read(path)
    if (secret) for (const text of textsOf(value)) secrets.add(text)
    if (properties.length >= limit) {
      omitted++
      continue
    }
    const written = node.leaves(path).next().value
    const found = view.find(path) ?? written
    if (found) properties.push({ key: formatPath(path), value: masked(path, value), origin: originOf(found) })
  }
  properties.sort((one, other) => (one.key < other.key ? -1 : 1))
  return { properties, omitted, secrets: [...secrets] }
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf)
  return typeof value === 'string' || typeof value === 'number' ? [String(value)] : []
}
