import type { CallRuntime } from '../calls/runtime.js'
import { SidecarError } from '../errors.js'
import { definitionOf, type StandIn } from '../feign/client.js'
import { clientOf } from '../feign/define-client.js'

/** The calls of a client that a test answers: each with the client's own arguments, and its value, or a promise of it. */
export type FakeMethods<T> = {
  readonly [K in keyof T]?: T[K] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Result | Awaited<Result>
    : never
}

/** A client whose calls a test answers. Those that it answers know what they were called with. */
export type FakeClient<T, Names extends keyof T = keyof T> = T & {
  readonly [K in Names]: T[K] & { readonly calls: readonly ArgumentsOf<T[K]>[] }
}

type ArgumentsOf<Method> = Method extends (...args: infer Args) => unknown ? Args : never

/**
 * A typed client that sends nothing: for code that takes its client as an argument. It needs no sidecar and no registry. Where the code
 * makes its client itself, give the same fakes to `override` of a test registry.
 *
 * @param of a class with `@feign` above it, or what `defineClient` returned
 * @param fakes the answers, by the names of its calls. A call without one rejects with `SIDECAR_FAKE_MISSING`.
 * @throws SidecarError `SIDECAR_CLIENT_INVALID` if it is no client; `SIDECAR_TEST_INVALID` for a fake that is no function, or of no call
 * @example
 * const users = fakeClient(UserClient, { getUser: async ({ id }) => ({ id, name: 'Ada' }) })
 * const greeting = await greet(users, '7')
 * assert.deepEqual(users.getUser.calls, [[{ id: '7' }]])
 */
export function fakeClient<T extends object, Names extends keyof T>(
  of: (new () => T) | T,
  fakes: Pick<FakeMethods<T>, Names>,
): FakeClient<T, Names> {
  return make<T>(of, fakes) as FakeClient<T, Names>
}

type AnyCall = (...args: unknown[]) => unknown

/** Clients that were made here: they are fakes already. */
const made = new WeakSet<object>()

/** The same answers for a client that the app makes itself. */
export function standInFor<T extends object>(of: (new () => T) | T, fakes: object): StandIn {
  const fake = (made.has(fakes) ? fakes : make(of, fakes)) as Record<string, AnyCall>
  return async (property, args) => fake[property]!(...args)
}

function make<T extends object>(of: (new () => T) | T, fakes: object): T {
  const nowhere = {} as CallRuntime
  const client = clientOf(of, nowhere)
  const title = typeof of === 'function' ? of.name : (definitionOf(of)?.options.name ?? 'the client')
  definitionOf(client)?.replace(nowhere, (property) => Promise.reject(missing(title, property)))
  for (const [name, fake] of Object.entries(fakes as Record<string, unknown>)) {
    if (typeof fake !== 'function') throw invalid(`the fake of ${title}.${name} is no function`)
    if (typeof client[name as keyof T] !== 'function') throw invalid(`${title} has no call ${name}`)
    const value = recording(fake as AnyCall)
    Object.defineProperty(client, name, { value, configurable: true, enumerable: true })
  }
  made.add(client)
  return client
}

function recording(fake: AnyCall) {
  const calls: (readonly unknown[])[] = []
  const method = async function (this: unknown, ...args: unknown[]) {
    calls.push(args)
    return fake.apply(this, args)
  }
  return Object.assign(method, { calls })
}

function missing(title: string, property: string): SidecarError {
  const message = `${title}.${property}() was called, but the test has no fake for it: add ${property} to its fakes`
  return new SidecarError('SIDECAR_FAKE_MISSING', message)
}

const invalid = (why: string) => new SidecarError('SIDECAR_TEST_INVALID', `fakeClient(): ${why}`)
