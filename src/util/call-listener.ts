/**
 * Calls a listener of the app so that it harms nobody: what it throws, and a promise it returns that rejects, goes to
 * `failed`; a promise that never settles is waited for by no one.
 */
export function callListener<T>(listener: (event: T) => unknown, event: T, onError: (error: unknown) => void): void {
  try {
    const result: unknown = listener(event)
    if (result instanceof Promise) result.catch(onError)
  } catch (error) {
    onError(error)
  }
}
