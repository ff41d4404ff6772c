import { isSecretName, mask } from '../util/secrets.js'
import { isPlainObject } from '../util/is-object.js'
import type { PropertyPath } from './path.js'

/** Judged by its name: `db.password`, `access-key`, `credentials.user`. */
export function isSecret(path: PropertyPath): boolean {
  return path.some((segment) => isSecretName(String(segment)))
}

/** A value as it may be shown: secrets by name become `***`, and so do those inside a text (`mask`). */
export function masked(path: PropertyPath, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, index) => masked([...path, index], item))
  if (value instanceof URL) return isSecret(path) ? '***' : mask(String(value))
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked([...path, key], inner)]))
  }
  if (value === undefined || value === null || typeof value === 'boolean' || value === '') return value
  if (isSecret(path)) return '***'
  return typeof value === 'string' ? mask(value) : value
}
