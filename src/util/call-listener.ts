/**
 * Calls a listener of the app and isolates its failures: what it throws, or what its promise rejects with, goes to
 * `onError`; its promise is never awaited.
 */
export function callListener<T>(listener: (event: T) => unknown, event: T, onError: (error: unknown) => void): void {
  try {
    const result: unknown = listener(event)
    if (result instanceof Promise) result.catch(onError)
  } catch (error) {
    onError(error)
  }
}
