/** A value of any type inside a message: `String(value)`, or its type where it has no text (an object without a prototype). */
export function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return typeof value
  }
}
