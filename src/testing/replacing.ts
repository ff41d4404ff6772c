/** The same object with other methods; what reads the original goes on with its own. */
export function replacing<T extends object>(original: T, methods: Partial<T>): T {
  return Object.assign(Object.create(original) as T, methods)
}
