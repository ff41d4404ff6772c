import { inspect } from 'node:util'
import type { PropertyPath } from '../properties/path.js'
import { masked } from '../properties/secrets.js'

/**
 * For `deepFreeze`: secrets stay readable and enumerable, so that a copy still logs in; only the two ways a value gets
 * printed are masked.
 */
export function maskWhenPrinted(value: object, path: PropertyPath): void {
  const shown = () => masked(path, value)
  Object.defineProperty(value, 'toJSON', { value: shown })
  Object.defineProperty(value, inspect.custom, { value: shown })
}
