/**
 * Freezes maps and lists all the way down; what is frozen already is left as it is.
 *
 * @param before called with each map and its path before it is frozen
 */
export function deepFreeze<T>(
  value: T,
  before?: (map: object, path: readonly string[]) => void,
  path: readonly string[] = [],
): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value
  if (!Array.isArray(value)) before?.(value, path)
  Object.freeze(value)
  for (const [key, inner] of Object.entries(value)) deepFreeze(inner, before, before ? [...path, key] : path)
  return value
}
