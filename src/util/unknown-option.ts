import { nearest } from './nearest.js'

/** Every option of `Options`, by its name; the compiler asks for all of them. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>

/** Longer ones are in the editor, and in the documentation. */
const LONGEST_LIST = 12

/**
 * Checks for plain JavaScript what the compiler checks for TypeScript: an option under a wrong name would do nothing.
 *
 * @param known by their names
 * @returns `no option "retrys", did you mean retry?`; `undefined` if all are known
 */
export function unknownOption(options: object, known: Readonly<Record<string, unknown>>): string | undefined {
  for (const name in options) {
    if (Object.hasOwn(known, name) || !Object.hasOwn(options, name)) continue
    const names = Object.keys(known)
    const guess = nearest(name, names)
    const others = names.length > LONGEST_LIST ? '' : `; known are ${names.join(', ')}`
    return `no option ${JSON.stringify(name)}${guess === undefined ? others : `, did you mean ${guess}?`}`
  }
  return undefined
}

/**
 * The same, thrown.
 *
 * @param invalid makes the error
 */
export function refuseUnknown(
  options: object,
  known: Readonly<Record<string, unknown>>,
  invalid: (why: string) => Error,
): void {
  const unknown = unknownOption(options, known)
  if (unknown !== undefined) throw invalid(`there is ${unknown}`)
}
