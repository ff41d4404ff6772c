import type { NamekoCallOptions, NamekoCallRequest, NamekoService } from './types.js'

/** An object whose every property is a method of a service. */
export function serviceProxy<T extends object>(
  call: (method: string, request: NamekoCallRequest) => Promise<unknown>,
): NamekoService<T> {
  const methods = new Map<string, unknown>()
  const methodOf = (name: string) => {
    const known = methods.get(name)
    if (known !== undefined) return known
    const method = Object.assign((...args: unknown[]) => call(name, { args }), {
      with: (kwargs: Readonly<Record<string, unknown>>, options?: NamekoCallOptions) =>
        call(name, { ...options, kwargs }),
    })
    methods.set(name, method)
    return method
  }
  return new Proxy({} as NamekoService<T>, {
    // `await` asks whether it is a promise.
    get: (_, name) => (typeof name === 'string' && name !== 'then' ? methodOf(name) : undefined),
  })
}
