import type { AnyMethod, CheckMethod, Problem } from './check.js'
import { bindRuntime, ClientDefinition, createCaller, describeClient } from './client.js'
import type { MethodSpec, Verb } from './method-spec.js'
import type { ClientOptions, MethodOptions } from './options.js'
import type { FeignRuntime } from './runtime.js'

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
  const client = Object.create(null) as Record<string, AnyMethod>
  describeClient(client, definition)
  for (const [name, { verb, path, options: own }] of Object.entries(methods)) {
    const caller = createCaller({ verb, path, options: own }, name)
    Object.defineProperty(client, name, {
      value: (...args: readonly unknown[]) => caller(client, args),
      enumerable: true,
    })
  }
  return client as DefinedClient<Methods>
}

/** An instance of a `@feign` class that calls through `runtime`: what `sidecar.client(Class)` gives. */
export function clientOf<T extends object>(Class: new () => T, runtime: FeignRuntime): T {
  return bindRuntime(new Class(), runtime)
}

function builder<V extends Verb>(verb: V) {
  return <const Path extends string>(path: Path, options: MethodOptions = {}): MethodBuilder<V, Path> => {
    const definition = { verb, path, options, as: () => definition }
    return definition as unknown as MethodBuilder<V, Path>
  }
}
