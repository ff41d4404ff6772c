import { SidecarError } from '../errors.js'
import type { AnyMethod, CheckMethod, Problem } from './check.js'
import { bindRuntime, ClientDefinition, createCaller, describeClient, isClient } from './client.js'
import type { Verb } from './bind.js'
import type { MethodSpec } from './method.js'
import type { ClientOptions, MethodOptions } from './options.js'
import type { CallRuntime } from '../calls/runtime.js'

/** One call of `defineClient`. */
export interface MethodDefinition<Method extends AnyMethod = UntypedMethod> extends MethodSpec {
  /** Only for the compiler. */
  readonly '~method'?: Method
}

/** A call before it has a type: what plain JavaScript uses as it is. */
export interface MethodBuilder<V extends Verb, Path extends string> extends MethodDefinition {
  /** Gives the call its type, checked against the path. */
  as<Method extends AnyMethod>(
    ...problem: CheckMethod<V, Path, Method> extends Problem<infer Reason> ? [problem: Reason] : []
  ): MethodDefinition<Method>
}

export type UntypedMethod = (...args: readonly unknown[]) => Promise<unknown>

/** What `defineClient` makes of its methods. */
export type DefinedClient<Methods extends Readonly<Record<string, MethodDefinition<AnyMethod>>>> = {
  readonly [Name in keyof Methods]: Methods[Name] extends MethodDefinition<infer Method> ? Method : never
}

/** `GET('/orders/{id}')` for {@link defineClient}. */
export const GET = builder('GET')
/** `POST('/orders')` for {@link defineClient}. */
export const POST = builder('POST')
/** `PUT('/orders/{id}')` for {@link defineClient}. */
export const PUT = builder('PUT')
/** `PATCH('/orders/{id}')` for {@link defineClient}. */
export const PATCH = builder('PATCH')
/** `DELETE('/orders/{id}')` for {@link defineClient}. */
export const DELETE = builder('DELETE')
/** `HEAD('/orders/{id}')` for {@link defineClient}. */
export const HEAD = builder('HEAD')

/**
 * A typed client without decorators: for plain JavaScript and for Node's own type stripping.
 *
 * @throws SidecarError `SIDECAR_CLIENT_INVALID`
 *
 * @example
 * const orders = defineClient({ name: 'order-service' }, {
 *   byId: GET('/orders/{id}').as<(p: { id: number }) => Promise<Order>>(),
 *   create: POST('/orders').as<(p: { body: NewOrder }) => Promise<Order>>(),
 * })
 * const order = await orders.byId({ id: 7 })
 */
export function defineClient<const Methods extends Readonly<Record<string, MethodDefinition<AnyMethod>>>>(
  options: string | ClientOptions,
  methods: Methods,
): DefinedClient<Methods> {
  const definition = new ClientDefinition(typeof options === 'string' ? { name: options } : options)
  const callers = Object.entries(methods).map(
    ([name, { verb, path, options: own }]) => [name, createCaller({ verb, path, options: own }, name)] as const,
  )
  const make = () => {
    const client = Object.create(null) as Record<string, AnyMethod>
    describeClient(client, definition)
    Object.defineProperty(client, ANOTHER, { value: make })
    for (const [name, caller] of callers) {
      Object.defineProperty(client, name, {
        value: (...args: readonly unknown[]) => caller(client, args),
        enumerable: true,
        // A fake of it has the answers of a test in their place.
        configurable: true,
      })
    }
    return client as DefinedClient<Methods>
  }
  return make()
}

/** Makes another client of the same definition. */
const ANOTHER = Symbol.for('nacos-sidecar/0:another')

/**
 * A client that calls through `runtime`: an instance of a `@feign` class, or what `defineClient` made, once more. What
 * `sidecar.client()` gives.
 *
 * @throws SidecarError `SIDECAR_CLIENT_INVALID` for anything else.
 */
export function clientOf<T extends object>(of: (new () => T) | T, runtime: CallRuntime): T {
  if (typeof of === 'function') {
    if (isClient(of.prototype as object)) return bindRuntime(new (of as new () => T)(), runtime)
  } else {
    const { [ANOTHER]: another } = of as { [ANOTHER]?: () => T }
    if (another) return bindRuntime(another(), runtime)
  }
  throw new SidecarError(
    'SIDECAR_CLIENT_INVALID',
    'sidecar.client() takes a class with @feign above it, or what defineClient() returned',
  )
}

function builder<V extends Verb>(verb: V) {
  return <const Path extends string>(path: Path, options: MethodOptions = {}): MethodBuilder<V, Path> => {
    const definition = { verb, path, options, as: () => definition }
    return definition as unknown as MethodBuilder<V, Path>
  }
}
