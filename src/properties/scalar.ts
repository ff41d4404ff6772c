import { NOT_RESOLVED, boolCoreTag, floatCoreTag, intCoreTag, nullCoreTag } from 'js-yaml'

export type Scalar = string | number | boolean | null

/** An unquoted scalar as YAML 1.2's core schema reads it: `yes`, `on` and `n` stay strings. */
export function yamlScalar(text: string): Scalar {
  for (const tag of [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag]) {
    const value = tag.resolve(text, false, tag.tagName)
    if (value === NOT_RESOLVED) continue
    // A long id would come out as another number.
    return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? text
      : (value as Scalar)
  }
  return text
}

/** Text that never had a chance to be quoted: a number or a boolean only where not one character is lost. */
export function plainScalar(text: string): Scalar {
  if (text === '' || text.length > 25) return text
  const value = yamlScalar(text)
  return value !== null && String(value) === text ? value : text
}
