import { messageOf } from '../errors.js'

/**
 * Why an optional peer cannot be loaded: `needs the package croner (npm install croner): Cannot find module 'croner'`. Without
 * Node's list of the files that asked for it.
 */
export function needsPackage(name: string, error: unknown): string {
  return `needs the package ${name} (npm install ${name}): ${messageOf(error).split('\n', 1)[0]}`
}
